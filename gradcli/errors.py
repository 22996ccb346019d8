"""What can be wrong with a user's input: a message, the place it is about, and a hint.

Nothing here knows a terminal; `cli/console.py` renders these records.
"""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range of code points in a source text."""

    start: int
    end: int


class GradError(Exception):
    """A mistake in what the user gave: text, point, shapes, options or files.

    message: what is wrong, in one line.
    span: where in `source`, if the place is known.
    hint: what to write instead, if that is known.
    source: the text that `span` points into; the program's own text unless set.
    title: what `source` is called, where it is not the program ("--at x").
    """

    def __init__(
        self,
        message: str,
        span: Span | None = None,
        hint: str = "",
        source: str | None = None,
        title: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message if len(message) <= 1000 else message[:997] + "..."
        self.span = span
        self.hint = hint if len(hint) <= 300 else hint[:297] + "..."
        self.source = source
        self.title = title

    def inside(self, source: str, title: str = "") -> GradError:
        """The same error, placed in `source` unless it has a place already."""
        if self.source is None:
            self.source, self.title = source, title or self.title
        return self


class SyntaxMistake(GradError):
    """The text is not a program of the language."""


class NameMistake(GradError):
    """A name is unknown, taken, or used before it is assigned."""


class PointMistake(GradError):
    """The point does not fit the program."""


class ShapeMistake(GradError):
    """The shapes of arrays do not fit each other, or the program."""


class UsageMistake(GradError):
    """Options, arguments or files cannot be used as given."""


def did_you_mean(word: str, choices: list[str]) -> str:
    """The choice closest to `word` as a hint, or nothing if none is close."""
    import difflib

    close = difflib.get_close_matches(word[:60], choices, 1, 0.6) or [
        choice for choice in choices if choice.lower() == word.lower()
    ]
    return f"did you mean '{close[0]}'?" if close else ""


def listed(names: list[str], most: int = 8) -> str:
    """Names in quotes, joined for a message; a long list ends in a count."""
    shown = ", ".join(f"'{name[:60]}'" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
