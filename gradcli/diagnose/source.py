"""The text of a file to statements with their places: comments and strings blanked, nothing interpreted.

Two ways of writing are told apart: Python's, where a line ends a statement, and C's, where a semicolon
or a brace does. Offsets stay those of the file throughout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gradcli.errors import Span, SyntaxMistake

WORDS_OF_C = r"(?:const|static|export|double|float|let|var|auto|int|void|function|inline)"
MARK_OF_C = re.compile(rf"^[ \t]*(?:{WORDS_OF_C}\s+[*\w][^\n=(]*[=(;]|//|/\*|\}}|[^\n#]*;[ \t\r]*$)", re.MULTILINE)
QUOTED = re.compile(
    r'''(?P<long>"""(?s:.*?)(?:"""|\Z)|\'\'\'(?s:.*?)(?:\'\'\'|\Z))|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?P<comment>#[^\n]*)'''
)
QUOTED_OF_C = re.compile(r'(?P<long>/\*(?s:.*?)(?:\*/|\Z))|"(?:\\.|[^"\\\n])*"|(?P<comment>(?://|#)[^\n]*)')
BACKWARD = re.compile(r"backward|backprop|backpass|gradients?\b", re.IGNORECASE)
ENDS = re.compile(r"[()\[\]{};\n]|\\\r?\n")
OBJECT = re.compile(r"(?:\breturn|[=:])\s*\Z")
GOES_ON = re.compile(r"[-+*/=,?:(@]\s*\Z")
BEGINS_LATER = re.compile(r"\s*[-+*/?:.)@=]")


class Statement(NamedTuple):
    """text: without comments; start: where it begins in the file; indent: columns before it."""

    text: str
    start: int
    indent: int

    @property
    def span(self) -> Span:
        """Its place in the file."""
        return Span(self.start, self.start + len(self.text))


class Source(NamedTuple):
    """braces: written as in C; statements in order; mark: where a comment first speaks of the way back, or -1."""

    text: str
    braces: bool
    statements: list[Statement]
    mark: int


def read_source(text: str) -> Source:
    """The statements of a file."""
    braces = MARK_OF_C.search(text) is not None
    plain, mark = _blanked(text, braces)
    return Source(text, braces, list(_statements(plain, braces)), mark)


def _blanked(text: str, braces: bool) -> tuple[str, int]:
    """The text with comments and long strings as spaces, and where a comment speaks of the way back."""
    marks: list[int] = []

    def blank(found: re.Match[str]) -> str:
        if found["long"] is None and found["comment"] is None:
            return found[0]
        if found["comment"] is not None and BACKWARD.search(found[0]):
            marks.append(found.start())
        return re.sub(r"[^\n]", " ", found[0])

    return (QUOTED_OF_C if braces else QUOTED).sub(blank, text), (marks or [-1])[0]


def _statements(plain: str, braces: bool) -> Iterator[Statement]:
    begin = 0
    opened: list[int] = []
    for sign in ENDS.finditer(plain):
        mark, at = sign[0], sign.start()
        if mark in ("(", "[") or (mark == "{" and (not braces or opened or OBJECT.search(plain, begin, at))):
            opened.append(at)
        elif mark in (")", "]") or (mark == "}" and opened):
            if not opened:
                raise SyntaxMistake(f"'{mark}' closes nothing", Span(at, at + 1))
            opened.pop()
        elif opened or mark[0] == "\\" or (braces and mark == "\n" and _goes_on(plain, begin, at)):
            continue
        else:
            yield from _statement(plain, begin, at + (mark in "{}"))
            begin = at + 1
    if opened:
        raise SyntaxMistake(f"'{plain[opened[-1]]}' is never closed", Span(opened[-1], opened[-1] + 1))
    yield from _statement(plain, begin, len(plain))


def _goes_on(plain: str, begin: int, at: int) -> bool:
    """Whether a statement of C goes on in the next line."""
    return GOES_ON.search(plain, begin, at) is not None or BEGINS_LATER.match(plain, at + 1, at + 200) is not None


def _statement(plain: str, begin: int, end: int) -> Iterator[Statement]:
    text = plain[begin:end]
    inner = text.strip()
    if inner:
        start = begin + len(text) - len(text.lstrip())
        yield Statement(inner, start, start - (plain.rfind("\n", 0, start) + 1))
