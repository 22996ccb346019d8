"""CSV and TSV in: chunks of lines to blocks of rows.

A chunk whose lines are all rows of the header's width is split in one go; any other is read row by row. Either way
each row keeps its own text, which is written again as it came.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np

from gradcli.batch.json_values import entries, value_or_text
from gradcli.batch.source import LONGEST, NO_TEXT, Chunk, is_clean, replaced
from gradcli.batch.table import Block, Column, Fault, Faults, shown
from gradcli.errors import UsageMistake
from gradcli.values import PLAIN_NUMBER, SPECIAL


class Cells(NamedTuple):
    """A block of CSV. flat: the cells row by row, as many in each as there are columns."""

    columns: tuple[str, ...]
    texts: list[str]
    lines: Sequence[int]
    flat: list[str]
    faults: Faults

    def column(self, name: str, places: tuple[int, ...] = ()) -> Column:
        """The numbers of a column, or of one place in the JSON lists of a column."""
        return entries(self.values(name), places) if places else numbers(self.words(name))

    def values(self, name: str) -> list[object]:
        """The cells of a column as JSON values; a cell that is none is its text."""
        return list(map(value_or_text, self.words(name)))

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Each row by name."""
        width = len(self.columns)
        for start in range(0, len(self.flat), width):
            yield dict(zip(self.columns, self.flat[start : start + width], strict=True))

    def words(self, name: str) -> list[str]:
        """The cells of a column."""
        return self.flat[self.columns.index(name) :: len(self.columns)]


def numbers(cells: list[str]) -> Column:
    """Texts as floats: decimal numbers and the words inf, infinity and nan."""
    try:
        found = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        found = None
    together = "".join(cells)
    if found is not None and together.isascii() and "_" not in together:
        return Column(found, {})
    faults: Faults = {}  # float() refuses one of them, or would also read 1_000 and digits of any script
    return Column(np.array([_number(cell, row, faults) for row, cell in enumerate(cells)], np.float64), faults)


def _number(cell: str, row: int, faults: Faults) -> float:
    word = cell.strip().lower()
    if PLAIN_NUMBER.fullmatch(cell) or word.removeprefix("-").removeprefix("+") in SPECIAL:
        try:
            return float(word)
        except ValueError:
            pass  # two signs
    faults[row] = Fault(f"'{shown(cell)}' is no number" if word else "the cell is empty")
    return 0.0


class Row(NamedTuple):
    """A row in a chunk. raw: its text with its line break; end: where it ends in the chunk; line: where it begins."""

    raw: str
    cells: list[str]
    end: int
    line: int
    mistake: str


class Delimited:
    """A table in CSV (delimiter ",") or TSV ("\\t"): its columns at once, its blocks as they arrive.

    head: the header as it came; ending: its line break, which all rows get when they are written.
    Raises UsageMistake where there is no header, or a quote is never closed.
    """

    def __init__(self, chunks: Iterator[Chunk], delimiter: str) -> None:
        csv.field_size_limit(LONGEST)  # the module's own limit is 128 KiB
        self.delimiter = delimiter
        self.head = self.ending = ""
        self.columns: tuple[str, ...] = ()
        self._open = Chunk("")  # a row of which the rest is still to come: a quote is open
        self._chunks = chain(self._behind_header(chunks), chunks)

    def blocks(self) -> Iterator[Block]:
        """The rows, without blank lines."""
        for chunk in self._chunks:
            yield self._even(chunk) or self._uneven(chunk)
        if self._open.text:
            raise UsageMistake(f"line {self._open.line}: a quote is opened and never closed")

    def reserve(self, names: set[str]) -> None:
        """Names that no row may have: the header has all names already."""

    def _behind_header(self, chunks: Iterator[Chunk]) -> list[Chunk]:
        """Takes the header off, and gives what follows it in the chunk that it ends in."""
        text, clean = "", True
        for chunk in chunks:
            text, clean = text + chunk.text, clean and chunk.clean
            row = next(self._rows(Chunk(text, 1, clean)), None)
            if row is not None:
                self._take_header(row)
                rest = Chunk(text[row.end :], row.line + row.raw.count("\n"), clean)
                return [rest] if rest.text else []
        hint = "the first line holds the names of the columns"
        raise UsageMistake("a quote in the header is never closed" if text.strip() else "the data are empty", hint=hint)

    def _take_header(self, row: Row) -> None:
        self.head = row.raw.rstrip("\r\n")
        self.ending = "\r\n" if row.raw.endswith("\r\n") else "\n"
        self.columns = tuple(cell.strip() for cell in row.cells)
        if "\r" in self.head:
            raise UsageMistake("lines end in a carriage return alone", hint="tr '\\r' '\\n' mends that")
        if not is_clean(self.head):
            raise UsageMistake("the data are no text in UTF-8", hint="for example: iconv -f latin1 -t utf-8 FILE")

    def _even(self, chunk: Chunk) -> Cells | None:
        """A chunk in which every line is a row of the right width, else None."""
        if self._open.text or not chunk.clean:
            return None
        texts = chunk.text.removesuffix("\n").split("\n")
        if "\r" in chunk.text:
            texts = [text.removesuffix("\r") for text in texts]
        flat = self._quoted(texts) if '"' in chunk.text else self._unquoted(texts)
        if flat is None:
            return None
        return Cells(self.columns, texts, range(chunk.line, chunk.line + len(texts)), flat, {})

    def _unquoted(self, texts: list[str]) -> list[str] | None:
        """The cells of lines without a quote; None unless all are rows of the right width."""
        counts = set(map(str.count, texts, repeat(self.delimiter)))
        if counts != {len(self.columns) - 1} or "" in texts:
            return None
        return self.delimiter.join(texts).split(self.delimiter)

    def _quoted(self, texts: list[str]) -> list[str] | None:
        """The cells of lines; None unless all are rows of the right width."""
        try:
            rows = list(csv.reader(texts, delimiter=self.delimiter, strict=True))
        except csv.Error:
            return None
        if len(rows) != len(texts) or set(map(len, rows)) != {len(self.columns)}:
            return None
        return list(chain.from_iterable(rows))

    def _uneven(self, chunk: Chunk) -> Cells:
        """Any chunk, row by row."""
        block = Cells(self.columns, [], [], [], {})
        lines: list[int] = []
        for row in self._rows(chunk):
            text, cells = row.raw.rstrip("\r\n"), row.cells
            mistake = row.mistake or self._mistake(row)
            if mistake:
                block.faults[len(lines)] = Fault(mistake)
                cells = [replaced(cell) for cell in [*cells, *[""] * len(self.columns)][: len(self.columns)]]
                text = self._text(cells)
            block.texts.append(text)
            block.flat.extend(cells)
            lines.append(row.line)
        return block._replace(lines=lines)

    def _mistake(self, row: Row) -> str:
        found, wanted = len(row.cells), len(self.columns)
        if found != wanted:
            more = ", what is too much is left out" if found > wanted else ""
            return f"the row has {found} {'cell' if found == 1 else 'cells'}, the header {wanted}{more}"
        return "" if is_clean(row.raw) else NO_TEXT

    def _text(self, cells: list[str]) -> str:
        """A row that had to be mended, so that what is added stands in its own columns."""
        out = StringIO()
        csv.writer(out, delimiter=self.delimiter, lineterminator="").writerow(cells)
        return out.getvalue()

    def _rows(self, chunk: Chunk) -> Iterator[Row]:
        """The rows of a chunk but blank ones; one that is not whole waits for the next chunk."""
        if self._open.text:
            before, self._open = self._open, Chunk("")
            joined = Chunk(before.text + chunk.text, before.line)
            if '"' not in chunk.text:  # which alone could close what is open
                self._wait(joined)
                return
            chunk = joined
        lines = _Lines(chunk.text)
        reader = csv.reader(lines, delimiter=self.delimiter)
        start = end = 0
        while True:
            cells, mistake = [], ""
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                mistake = f"the row cannot be read: {error}"
            raw = "".join(lines.all[start : lines.taken])
            if lines.ended:
                self._wait(Chunk(raw, chunk.line + start))
                return
            end += len(raw)
            if raw.strip("\r\n"):
                yield Row(raw, cells or [raw.strip("\r\n")], end, chunk.line + start, mistake)
            start = lines.taken

    def _wait(self, chunk: Chunk) -> None:
        if len(chunk.text) > LONGEST:
            raise UsageMistake(f"line {chunk.line}: a quote is opened and not closed within {LONGEST >> 20} MiB")
        self._open = chunk


class _Lines:
    """The lines of a text, with a note of how many were taken, and whether more were wanted than there are."""

    def __init__(self, text: str) -> None:
        self.all = list(StringIO(text, newline="\n"))
        self.taken = 0
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if self.taken == len(self.all):
            self.ended = True
            raise StopIteration
        self.taken += 1
        return self.all[self.taken - 1]
