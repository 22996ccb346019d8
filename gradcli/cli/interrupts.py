"""Ctrl-C while a table runs: it ends between two blocks, so that what was written is whole rows."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any


class Interrupts:
    """While it is entered, SIGINT ends the program where it waits for input; a second one at once."""

    def __init__(self) -> None:
        self._waits = False
        self._wanted = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def waiting(self, read: Callable[[int], bytes]) -> Callable[[int], bytes]:
        """The same function, at which an interrupt that came before takes effect."""

        def interruptible(size: int) -> bytes:
            self._waits = True
            try:
                if self._wanted:
                    raise KeyboardInterrupt
                return read(size)
            finally:
                self._waits = False

        return interruptible

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        if self._waits or self._wanted:
            raise KeyboardInterrupt
        self._wanted = True
