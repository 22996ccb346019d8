"""A headless Chromium for the tests: a small client of the DevTools protocol over a pipe.

Documented at https://chromedevtools.github.io/devtools-protocol/; commands and answers are JSON, each ended by a NUL.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = """--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-pipe""".split()  # noqa: SIM905
KEYS = {"ArrowLeft": 37, "ArrowRight": 39, "Home": 36, "End": 35, "Tab": 9, "Enter": 13}


class Browser:
    """One running Chromium, whose pages are opened one after the other."""

    def __init__(self, folder: Path) -> None:
        assert CHROMIUM is not None
        read_by_browser, self.to_browser = os.pipe()
        self.from_browser, written_by_browser = os.pipe()
        # The browser reads commands from descriptor 3 and writes answers to 4.
        descriptors = f"exec 3<&{read_by_browser} 4>&{written_by_browser}"
        command = [CHROMIUM, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
        self.process = subprocess.Popen(
            ["bash", "-c", f'{descriptors}; exec "$@"', "bash", *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(read_by_browser, written_by_browser),
        )
        os.close(read_by_browser)
        os.close(written_by_browser)
        self.waiting = b""
        self.number = 0
        self.heard: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the browser."""
        self.process.terminate()
        self.process.wait(timeout=20)
        os.close(self.to_browser)
        os.close(self.from_browser)

    def command(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send a command and wait for its answer; events that come before are kept."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            self.heard.append(answer)
        assert "error" not in answer, answer
        return dict(answer["result"])

    def event(self, method: str) -> dict[str, Any]:
        """The next event of that kind."""
        while True:
            for place, event in enumerate(self.heard):
                if event.get("method") == method:
                    return self.heard.pop(place)
            self.heard.append(self._next())

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.waiting:
            piece = os.read(self.from_browser, 65536)
            assert piece, "the browser has ended"
            self.waiting += piece
        text, _, self.waiting = self.waiting.partition(b"\0")
        return dict(json.loads(text))


class Page:
    """One page in a browser, `width` pixels wide."""

    def __init__(self, browser: Browser, path: Path, width: int = 1200, dark: bool = False) -> None:
        self.browser = browser
        self.target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.command("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        browser.heard.clear()
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.command(f"{domain}.enable")
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.command("Emulation.setEmulatedMedia", features=scheme)
        self.command("Page.navigate", url=path.as_uri())
        browser.event("Page.loadEventFired")

    def __enter__(self) -> Page:
        return self

    def __exit__(self, *_: object) -> None:
        self.browser.command("Target.closeTarget", targetId=self.target)

    def command(self, method: str, **params: Any) -> dict[str, Any]:
        """A command to this page."""
        return self.browser.command(method, self.session, **params)

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.command("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            code = {"windowsVirtualKeyCode": KEYS[key]}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, **code, **text)

    @property
    def complaints(self) -> list[dict[str, Any]]:
        """What the console has said, exceptions, and requests for anything but the page itself."""
        self.run("0")
        bad = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded", "Page.javascriptDialogOpening")
        found = [event for event in self.browser.heard if event.get("method") in bad]
        asked = [event for event in self.browser.heard if event.get("method") == "Network.requestWillBeSent"]
        return [
            *found,
            *(event for event in asked if event["params"]["documentURL"] != event["params"]["request"]["url"]),
        ]
