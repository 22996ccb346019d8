"""Blocks of rows and columns of texts to lines of CSV, TSV or JSONL.

Rows that stay in their format are written as they came, with the added cells behind them; rows that change it are
written anew.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import NamedTuple, Protocol

from gradcli.batch.delimited import Delimited, numbers
from gradcli.batch.json_values import json_text, json_texts, value_or_text
from gradcli.batch.jsonl import EMPTY
from gradcli.batch.table import Array, Block, Reader
from gradcli.errors import UsageMistake
from gradcli.values import Value

DELIMITERS = {"csv": ",", "tsv": "\t"}
FIRST = set("=@+-\t\r")  # signs with which a formula begins
RUNS = re.compile(r"[=@\t\r]|[-+](?!(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|inf|nan)\s*$)")
Texts = Sequence[Sequence[str]]  # a column of texts for each column added


class Writer(Protocol):
    """What rows are written by. ending: of each line; missing: an added cell of a row that cannot be computed."""

    @property
    def ending(self) -> str: ...
    @property
    def missing(self) -> str: ...

    def head(self) -> list[str]:
        """The lines before the first row."""

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """A block, row by row, each with its added cells, without line breaks behind them."""

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as they are written: the shortest text that reads back."""

    def value(self, value: Value) -> str:
        """A number or nested lists as an added cell."""


def writer(
    reader: Reader, to: str, columns: tuple[str, ...], inputs: frozenset[str], titles: Sequence[str], only: bool
) -> Writer:
    """What writes a table in the format `to`.

    columns: those that the data have, and among them those that give inputs; titles: those that are added;
    only: whether nothing else is written.
    Raises UsageMistake where JSON would have a name twice.
    """
    table = reader if isinstance(reader, Delimited) else None
    if to in DELIMITERS:
        ending, delimiter = table.ending if table else "\n", DELIMITERS[to]
        if only:
            return LinesAsTheyCame(delimiter, ending, None, titles)
        if table and table.delimiter == delimiter:
            return LinesAsTheyCame(delimiter, ending, table.head, titles)
        return LinesAnew(delimiter, ending, columns, titles)
    if table and not only:
        twice = [name for name in columns if columns.count(name) > 1]
        if twice:
            raise UsageMistake(f"two columns are called '{twice[0][:60]}', and JSON has each name once")
        return ObjectsAnew(columns, inputs, titles)
    return ObjectsAsTheyCame(titles, only)


class LinesAsTheyCame(NamedTuple):
    """Lines of CSV or TSV, unchanged but longer. header: as it came; None for the added cells alone."""

    delimiter: str
    ending: str
    header: str | None
    titles: Sequence[str]
    missing: str = ""

    def head(self) -> list[str]:
        """The names of all columns."""
        added = line_of(self.titles, self.delimiter)
        return [added if self.header is None else self.header + self.delimiter + added]

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """The rows."""
        columns = cells if self.header is None else [block.texts, *cells]
        return list(map(self.delimiter.join, zip(*columns, strict=True)))

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as repr has them."""
        return list(map(repr, numbers.tolist()))

    def value(self, value: Value) -> str:
        """A number as repr has it; lists as JSON, in quotes where they need them."""
        return line_of([plain(value)], self.delimiter)


class LinesAnew(NamedTuple):
    """Lines of CSV or TSV from rows by name."""

    delimiter: str
    ending: str
    columns: tuple[str, ...]
    titles: Sequence[str]
    missing: str = ""

    def head(self) -> list[str]:
        """The names of all columns."""
        return [line_of([*self.columns, *self.titles], self.delimiter)]

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """The rows."""
        rows = ([_cell(row.get(name)) for name in self.columns] for row in block.rows())
        return [
            line_of([*row, *more], self.delimiter) for row, more in zip(rows, zip(*cells, strict=True), strict=True)
        ]

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as repr has them."""
        return list(map(repr, numbers.tolist()))

    def value(self, value: Value) -> str:
        """A number as repr has it; lists as JSON."""
        return plain(value)


class ObjectsAsTheyCame(NamedTuple):
    """Lines of JSONL, unchanged but longer; the added names alone if `only`."""

    titles: Sequence[str]
    only: bool
    ending: str = "\n"
    missing: str = "null"

    def head(self) -> list[str]:
        """Nothing."""
        return []

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """The rows."""
        added = _members(self.titles, cells)
        if self.only:
            return [f"{{{more}}}" for more in added]
        rows = zip(block.texts, added, strict=True)
        return [f"{{{more}}}" if row == EMPTY else f"{row[:-1]}, {more}}}" for row, more in rows]

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as strict JSON has them."""
        return json_texts(numbers)

    def value(self, value: Value) -> str:
        """A number or lists as strict JSON has them."""
        return json_text(value)


class ObjectsAnew(NamedTuple):
    """Lines of JSONL from rows of CSV: cells that give inputs are numbers and lists, all others are strings."""

    columns: tuple[str, ...]
    inputs: frozenset[str]
    titles: Sequence[str]
    ending: str = "\n"
    missing: str = "null"

    def head(self) -> list[str]:
        """Nothing."""
        return []

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """The rows."""
        own = [list(map(_as_json if name in self.inputs else _as_string, block.words(name))) for name in self.columns]
        return [f"{{{row}}}" for row in _members([*self.columns, *self.titles], [*own, *cells])]

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as strict JSON has them."""
        return json_texts(numbers)

    def value(self, value: Value) -> str:
        """A number or lists as strict JSON has them."""
        return json_text(value)


def _members(titles: Sequence[str], cells: Texts) -> Iterable[str]:
    """The added members of each row's object, as JSON."""
    form = ", ".join(f"{json.dumps(title, ensure_ascii=False)}: ".replace("%", "%%") + "%s" for title in titles)
    return (form % row for row in zip(*cells, strict=True))


def _as_string(cell: str) -> str:
    return json.dumps(cell, ensure_ascii=False)


def _as_json(cell: str) -> str:
    """A cell as it is where it is a JSON number or list; a number in another spelling as JSON; else a string."""
    if type(value_or_text(cell)) in (float, int, list):
        return cell.strip()
    column = numbers([cell])
    return _as_string(cell) if column.faults else json_texts(column.numbers)[0]


def _cell(value: object) -> str:
    """A JSON value as a cell: text as it is, what is nested as JSON, nothing for null."""
    if isinstance(value, str) or value is None:
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def plain(value: Value) -> str:
    """A number as the shortest text that reads back, lists as JSON."""
    return json_text(value) if isinstance(value, list) else repr(float(value))


def line_of(cells: Iterable[str], delimiter: str) -> str:
    """Cells as a line, in quotes where they need them."""
    out = StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="").writerow(cells)
    return out.getvalue()


def runs_in_a_spreadsheet(cells: Sequence[str]) -> bool:
    """Whether one of the texts is a formula to a spreadsheet that opens the table."""
    return bool(FIRST & {cell[:1] for cell in cells}) and any(map(RUNS.match, cells))
