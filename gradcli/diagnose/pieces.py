"""The text of an expression taken apart where an edit may go: terms, factors, names, calls, with their places.

This is no parser of the language: it finds what a person would change in a line, and leaves the rest as text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

TOKEN = re.compile(
    r"""(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*(?:\[\s*(?:'[^']*'|"[^"]*"|\d+)(?:\s*,\s*\d+)*\s*\])?)
    |(?P<number>(?:\d[\d_]*\.?[\d_]*|\.\d+)(?:[eE][-+]?\d+)?)
    |(?P<sign>\*\*|[<>=!]=+|&&|\|\||[^\s\w])""",
    re.VERBOSE,
)
LONGEST = 2_000  # characters; no person's line is longer


class Piece(NamedTuple):
    """A part of an expression. kind: sum, product, power, minus, call, group, name, number, compared or other.

    start, end: its place. parts: the pieces inside. signs: what stands before each part ("-", "*", "/", "@").
    """

    kind: str
    start: int
    end: int
    parts: tuple[Piece, ...] = ()
    signs: tuple[str, ...] = ()


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    kind: str


def pieces_of(text: str) -> Piece | None:
    """The expression as a piece; None where it is too long or not understood."""
    if len(text) > LONGEST:
        return None
    words = [_Word(found[0], found.start(), found.end(), found.lastgroup or "") for found in TOKEN.finditer(text)]
    if sum(word.text in "([" for word in words) > 40:
        return None
    reader = _Reader(words)
    try:
        piece = reader.choice()
    except IndexError:
        return None
    return piece if reader.at == len(words) else None


def all_pieces(piece: Piece) -> list[Piece]:
    """The piece and all inside it, outer ones first."""
    return [piece, *(inner for part in piece.parts for inner in all_pieces(part))]


class _Reader:
    def __init__(self, words: list[_Word]) -> None:
        self.words = words
        self.at = 0

    def text(self) -> str:
        """The word at the place that is read."""
        return self.words[self.at].text if self.at < len(self.words) else ""

    def choice(self) -> Piece:
        """A comparison or a choice, whose parts are pieces of their own."""
        parts = [self.sum()]
        signs = [""]
        while self.text() and self.text() not in (")", "]", ","):
            if self.text() in ("and", "or", "if", "else", "&", "|", "?", ":", "=") or self.text()[0] in "<>=!&|":
                signs.append(self.text())
                self.at += 1
                if self.text() in (")", "]", ","):
                    break
                parts.append(self.sum())
            else:
                raise IndexError
        return _joined("compared", parts, signs)

    def sum(self) -> Piece:
        """Terms."""
        parts, signs = [self.product()], [""]
        while self.text() in ("+", "-"):
            signs.append(self.text())
            self.at += 1
            parts.append(self.product())
        return _joined("sum", parts, signs)

    def product(self) -> Piece:
        """Factors; a minus in front is a piece around them."""
        if self.text() in ("-", "+", "~", "!"):
            start = self.words[self.at].start
            self.at += 1
            inner = self.product()
            return Piece("minus", start, inner.end, (inner,), ("-",))
        parts, signs = [self.power()], [""]
        while self.text() in ("*", "/", "@"):
            signs.append(self.text())
            self.at += 1
            parts.append(self.signed())
        return _joined("product", parts, signs)

    def signed(self) -> Piece:
        """A factor that may have a sign."""
        if self.text() in ("-", "+", "~"):
            start = self.words[self.at].start
            self.at += 1
            inner = self.signed()
            return Piece("minus", start, inner.end, (inner,), ("-",))
        return self.power()

    def power(self) -> Piece:
        """A base and its exponent."""
        base = self.behind()
        if self.text() != "**":
            return base
        self.at += 1
        exponent = self.signed()
        return Piece("power", base.start, exponent.end, (base, exponent), ("", "**"))

    def behind(self) -> Piece:
        """An operand with what follows it: calls, indices, attributes."""
        piece = self.operand()
        while self.text() in ("(", "[", "."):
            if self.text() == ".":
                self.at += 2
                piece = Piece("other", piece.start, self.words[self.at - 1].end, (piece,), ("",))
            else:
                parts, end = self.listed()
                kind = "call" if parts or piece.kind == "name" else "other"
                piece = Piece(kind, piece.start, end, (piece, *parts), ("",) * (1 + len(parts)))
        return piece

    def listed(self) -> tuple[list[Piece], int]:
        """What stands in brackets, and where they end."""
        self.at += 1
        parts: list[Piece] = []
        while self.text() not in (")", "]"):
            if self.text() in (",", ":"):
                self.at += 1
                continue
            parts.append(self.choice())
        self.at += 1
        return parts, self.words[self.at - 1].end

    def operand(self) -> Piece:
        """A name, a number or a group."""
        word = self.words[self.at]
        if word.kind in ("name", "number"):
            self.at += 1
            return Piece(word.kind, word.start, word.end)
        if word.text in ("(", "["):
            parts, end = self.listed()
            kind = "group" if word.text == "(" and len(parts) == 1 else "other"
            return Piece(kind, word.start, end, tuple(parts), ("",) * len(parts))
        raise IndexError


def _joined(kind: str, parts: list[Piece], signs: list[str]) -> Piece:
    if len(parts) == 1 and len(signs) == 1:
        return parts[0]
    return Piece(kind, parts[0].start, parts[-1].end, tuple(parts), tuple(signs))
