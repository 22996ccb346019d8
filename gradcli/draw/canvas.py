"""Signs on a grid: lines that join where they meet, and text in colours."""

from __future__ import annotations

from typing import NamedTuple

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
# What a cell shows, by the directions in which its lines leave it.
UNICODE = {
    LEFT: "─", RIGHT: "─", LEFT | RIGHT: "─", UP: "│", DOWN: "│", UP | DOWN: "│",
    DOWN | RIGHT: "╭", DOWN | LEFT: "╮", UP | RIGHT: "╰", UP | LEFT: "╯",
    UP | DOWN | RIGHT: "├", UP | DOWN | LEFT: "┤", LEFT | RIGHT | DOWN: "┬", LEFT | RIGHT | UP: "┴",
    UP | DOWN | LEFT | RIGHT: "┼",
}  # fmt: skip
ASCII = {lines: {"─": "-", "│": "|"}.get(sign, "+") for lines, sign in UNICODE.items()}


class Piece(NamedTuple):
    """Text of one kind in a line: wire, gate, name, value, gradient, told, or nothing."""

    text: str
    kind: str = ""


class Canvas:
    """What is drawn so far, by row and column."""

    def __init__(self, plain: bool) -> None:
        self.plain = plain  # ASCII alone
        self.lines: dict[tuple[int, int], int] = {}
        self.owners: dict[tuple[int, int], int] = {}
        self.crossed: set[tuple[int, int]] = set()
        self.kinds: dict[tuple[int, int], str] = {}
        self.signs: dict[tuple[int, int], str] = {}

    def write(self, row: int, column: int, text: str, kind: str) -> None:
        """Text from a cell on."""
        for place, sign in enumerate(text):
            self.signs[row, column + place] = sign
            self.kinds[row, column + place] = kind

    def across(self, row: int, left: int, right: int, owner: int, kind: str = "wire") -> None:
        """A horizontal line that belongs to a wire, both ends included."""
        for column in range(left, right + 1):
            ends = (RIGHT if column < right else 0) | (LEFT if column > left else 0)
            self._join(row, column, ends, owner, kind)

    def down(self, column: int, top: int, bottom: int, owner: int, kind: str = "wire") -> None:
        """A vertical line."""
        for row in range(top, bottom + 1):
            ends = (DOWN if row < bottom else 0) | (UP if row > top else 0)
            self._join(row, column, ends, owner, kind)

    def _join(self, row: int, column: int, ends: int, owner: int, kind: str) -> None:
        cell = (row, column)
        if self.owners.setdefault(cell, owner) != owner:
            self.crossed.add(cell)
        self.lines[cell] = self.lines.get(cell, 0) | ends
        self.kinds.setdefault(cell, kind)

    def joined(self, row: int, column: int, ends: int) -> None:
        """A wire that ends at a line of a gate, from the given directions."""
        self.lines[row, column] = self.lines.get((row, column), 0) | ends

    @property
    def width(self) -> int:
        """How many columns are used."""
        return 1 + max((column for _, column in [*self.signs, *self.lines]), default=-1)

    def rows(self, width: int) -> list[list[Piece]]:
        """The rows as pieces of one kind each, cut at the width."""
        cells: dict[int, dict[int, tuple[str, str]]] = {}
        for (row, column), lines in self.lines.items():
            cells.setdefault(row, {})[column] = (self._sign(row, column, lines), self.kinds[row, column])
        for (row, column), sign in self.signs.items():
            cells.setdefault(row, {})[column] = (sign, self.kinds[row, column])
        return [_pieces(cells.get(row, {}), width) for row in range(min(cells, default=0), max(cells, default=-1) + 1)]

    def _sign(self, row: int, column: int, lines: int) -> str:
        if (row, column) in self.crossed:
            lines = UP | DOWN  # the wire below has a gap, so that a crossing is no fork
        return (ASCII if self.plain else UNICODE).get(lines, " ")


def _pieces(cells: dict[int, tuple[str, str]], width: int) -> list[Piece]:
    pieces: list[Piece] = []
    for column in range(min(max(cells, default=-1) + 1, width)):
        sign, kind = cells.get(column, (" ", ""))
        if pieces and pieces[-1].kind == kind:
            pieces[-1] = Piece(pieces[-1].text + sign, kind)
        else:
            pieces.append(Piece(sign, kind))
    return pieces
