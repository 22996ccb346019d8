"""Transcripts: `$ command` lines with what each prints below, as in a terminal. README and samples/ hold them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from math import isclose
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
NUMBER = re.compile(r"(-?\d+(?:\.\d+)?(?:e[-+]\d+)?)")
FILLING = re.compile(r"[\s─]+")


class Step(NamedTuple):
    """command: a shell line, or several that begin with `> ` from the second on; shown: what it prints."""

    command: str
    shown: str

    @property
    def script(self) -> str:
        """The command as a shell reads it."""
        return self.command.replace("\n> ", "\n")


def steps(text: str) -> Iterator[Step]:
    """The steps of a transcript."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        found = re.match(r"(.*(?:\n> .*)*)\n?", part)
        assert found is not None
        yield Step(found[1], part[found.end() :])


def written(transcript: list[Step]) -> str:
    """The text of a transcript."""
    return "".join(f"$ {step.command}\n{step.shown}" for step in transcript)


def run(command: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a shell command where `gradcli` is the one under test, on a terminal that is none: no colour, 80 columns."""
    kept = {name: os.environ[name] for name in ("HOME", "LD_LIBRARY_PATH") if name in os.environ}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    environment = {**kept, "PATH": path, "LC_ALL": "C.UTF-8", "TERM": "dumb"}
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )


def printed(result: subprocess.CompletedProcess[str]) -> str:
    """What a terminal shows of a command: messages, then results."""
    return result.stderr + result.stdout


def same(shown: str, expected: str) -> bool:
    """Equal texts, but for the last digits, in which mathematical libraries differ, and the widths these cause."""
    if shown == expected:
        return True
    ours, theirs = NUMBER.split(FILLING.sub(" ", shown)), NUMBER.split(FILLING.sub(" ", expected))
    return ours[::2] == theirs[::2] and all(
        isclose(float(one), float(other), rel_tol=1e-12, abs_tol=1e-14)
        for one, other in zip(ours[1::2], theirs[1::2], strict=True)
    )
