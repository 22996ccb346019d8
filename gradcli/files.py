"""Text from files that a user names: whole, as UTF-8, and never from a device that has no end."""

from __future__ import annotations

import os
import stat
import sys

from gradcli.errors import UsageMistake


def read_text(path: str) -> str:
    """The text of a file, a named pipe or a terminal. Raises UsageMistake with the reason."""
    shown = path[:120]
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise UsageMistake(f"{shown} is a directory")
        if not (stat.S_ISREG(mode) or stat.S_ISFIFO(mode) or _is_terminal(path)):
            raise UsageMistake(f"{shown} is neither a file nor a pipe")
        with open(path, "rb") as file:
            return decoded(file.read(), shown)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageMistake(f"{shown} cannot be read: {reason}") from None


def read_stdin() -> str:
    """All of standard input."""
    if sys.stdin is None:
        return ""
    return decoded(sys.stdin.buffer.read(), "standard input")


def decoded(data: bytes, title: str) -> str:
    """Bytes as text; a byte order mark at the front is dropped."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageMistake(f"{title} is not UTF-8 (byte {error.start + 1})") from None


def _is_terminal(path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        return os.isatty(descriptor)
    finally:
        os.close(descriptor)
