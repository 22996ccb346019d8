"""Parquet in and out through polars: a file to blocks of rows, and rows with what is added to a file, in a stream."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import IO, Any, NamedTuple

import numpy as np
import polars as pl
from polars.io.plugins import register_io_source

from gradcli.batch.binding import Added
from gradcli.batch.json_values import QUOTED, WORDS, entries, floats, json_text, json_texts
from gradcli.batch.report import Report
from gradcli.batch.stream import Done, Job, cells, kept_rows, worked
from gradcli.batch.table import Array, Block, Column, Faults, Reader
from gradcli.batch.writing import Texts
from gradcli.errors import GradError, UsageMistake

ROWS = 1 << 15  # of a block
# polars reads groups of rows ahead, of a long file so many that memory grows with it; one is enough.
os.environ.setdefault("POLARS_ROW_GROUP_PREFETCH_SIZE", "1")


class Frame(NamedTuple):
    """Some rows of a file. first: the number of the first one, from 1."""

    frame: pl.DataFrame
    first: int

    @property
    def lines(self) -> Sequence[int]:
        """The number of each row: a file of Parquet has no lines."""
        return range(self.first, self.first + self.frame.height)

    @property
    def faults(self) -> Faults:
        """None: every row is one of the table."""
        return {}

    @property
    def texts(self) -> list[str]:
        """Each row as a JSON object."""
        return [json.dumps({name: _strict(value) for name, value in row.items()}, ensure_ascii=False, default=str)
                for row in self.frame.iter_rows(named=True)]  # fmt: skip

    def column(self, name: str, places: tuple[int, ...] = ()) -> Column:
        """The numbers of a column, or of one place in its lists."""
        series = self.frame[name]
        if not places and series.dtype.is_numeric() and not series.null_count():
            return Column(series.cast(pl.Float64).to_numpy(), {})
        if series.dtype.is_decimal():
            series = series.cast(pl.Float64)
        return entries(self.values(name), places) if places else floats(series.to_list())

    def values(self, name: str) -> list[object]:
        """What each row has in a column."""
        found: list[object] = self.frame[name].to_list()
        return found

    def words(self, name: str) -> list[str]:
        """The texts in a column."""
        return [value for value in self.values(name) if isinstance(value, str)]

    def rows(self) -> Iterator[Mapping[str, object]]:
        """Each row by name, as text."""
        for row in self.frame.iter_rows(named=True):
            yield {name: _text(value) for name, value in row.items()}


def _strict(value: Any) -> Any:
    """A value as strict JSON has it: numbers that are not finite as words."""
    if isinstance(value, list):
        return list(map(_strict, value))
    if isinstance(value, dict):
        return {name: _strict(part) for name, part in value.items()}
    return json.loads(QUOTED[repr(value)]) if isinstance(value, float) and not isfinite(value) else value


def _text(value: Any) -> str | None:
    """A value as a cell."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | list | dict):
        return json.dumps(_strict(value), ensure_ascii=False, default=str)
    return repr(value) if isinstance(value, float) else str(value)


class Rows:
    """A file of Parquet. Raises UsageMistake where it is none."""

    def __init__(self, path: str, title: str, pause: Callable[[], object]) -> None:
        """title: what the file is called in messages; pause: is called between two blocks."""
        self.title = title
        self._pause = pause
        self._scan = pl.scan_parquet(path, glob=False)
        try:
            self.schema = dict(self._scan.collect_schema())
        except (pl.exceptions.PolarsError, OSError) as error:
            raise self._unreadable(error) from None
        self.columns: tuple[str, ...] | None = tuple(self.schema)

    def reserve(self, names: set[str]) -> None:
        """Names that no row may have: the file has all its names already."""

    def blocks(self) -> Iterator[Block]:
        """The rows, in order."""
        first = 1
        try:
            for frame in self._scan.collect_batches(chunk_size=ROWS, maintain_order=True):
                yield Frame(frame, first)
                first += frame.height
                self._pause()
        except pl.exceptions.PolarsError as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: Exception) -> UsageMistake:
        reason = str(error).splitlines()[0][:200] if str(error) else "unknown"
        return UsageMistake(f"{self.title} cannot be read as Parquet: {reason}")


# -- out ------------------------------------------------------------------------------------


class Sheet(NamedTuple):
    """What rows of Parquet are made of.

    own: the columns that are kept, and which of them give numbers; columns: those that are added.
    """

    reader: Reader
    own: Sequence[str]
    given: frozenset[str]
    columns: Sequence[Added]

    ending: str = ""
    missing: str = "null"

    def head(self) -> list[str]:
        """Nothing: the names stand in the schema."""
        return []

    def lines(self, block: Block, cells: Texts) -> list[str]:
        """Nothing: rows are no lines here."""
        return []

    def texts(self, numbers: Array) -> list[str]:
        """Numbers as strict JSON has them, for those that stand in lists."""
        return json_texts(numbers)

    def value(self, value: Any) -> str:
        """A number or lists as strict JSON has them."""
        return json_text(value)

    @property
    def schema(self) -> dict[str, Any]:
        """The type of each column: as in the data, if they have types; else texts, and floats for what is computed."""
        types = self.reader.schema if isinstance(self.reader, Rows) else {}
        kept = {name: types.get(name, pl.Float64 if name in self.given else pl.String) for name in self.own}
        return kept | {column.title: _nested(types, column) for column in self.columns}

    def frame(self, job: Job, done: Done) -> pl.DataFrame:
        """The rows of a block that are written, with their added columns; null where a row has no result."""
        block, schema = done.block, self.schema
        if isinstance(block, Frame):
            frame = block.frame.select(self.own)
        else:
            rows = list(block.rows())
            kept = {name: [row.get(name) for row in rows] for name in self.own}
            texts = {name: _kept(block, name, values, name in self.given) for name, values in kept.items()}
            frame = pl.DataFrame(texts, {name: schema[name] for name in self.own})
        more = [pl.Series(column.title, _added(job, column, done), schema[column.title]) for column in self.columns]
        frame = frame.with_columns(more) if self.own else pl.DataFrame(more)
        written = kept_rows(job, done)
        return frame if written is None else frame[written]


def _added(job: Job, column: Added, done: Done) -> Sequence[Any] | Array:
    if column.entries:
        return list(map(_listed, cells(job, column, done)))
    numbers = done.results[column.key]
    if done.good is None:
        return np.broadcast_to(numbers, len(done.block.lines))
    whole: list[float | None] = [None] * len(done.block.lines)
    for row, number in zip(done.good.tolist(), np.broadcast_to(numbers, len(done.good)).tolist(), strict=True):
        whole[row] = number
    return whole


def _nested(types: Mapping[str, Any], column: Added) -> Any:
    """The type of an added column; that of a list's gradient has the list's depth."""
    if not column.entries:
        return pl.Float64
    found: Any = pl.Float64
    for _ in column.entries[0][0]:
        found = pl.List(found)
    return found


def _kept(block: Block, name: str, values: Sequence[object], number: bool) -> Sequence[object]:
    """A column of the data: numbers, null where they are none, or texts as they came."""
    if not number:
        return [value if isinstance(value, str) or value is None else json.dumps(value) for value in values]
    numbers, faults = block.column(name)
    return [None if row in faults else value for row, value in enumerate(numbers.tolist())]


def _listed(text: str) -> Any:
    """Nested lists of floats out of JSON."""
    return _words(json.loads(text))


def _words(value: Any) -> Any:
    return list(map(_words, value)) if isinstance(value, list) else WORDS.get(value, value)


def run(job: Job, file: IO[bytes], report: Report, advance: Callable[[int], None]) -> None:
    """Read, compute and write a file of Parquet, block by block, by the job's writer, a Sheet.

    Raises what stream.run raises, when the rows before are written and the file is whole.
    """
    sheet = job.writer
    assert isinstance(sheet, Sheet)
    failed: list[GradError] = []

    def source(*_: object) -> Iterator[pl.DataFrame]:
        try:
            yield from (sheet.frame(job, done) for done in worked(job, report, advance))
        except GradError as error:
            failed.append(error)

    register_io_source(source, schema=sheet.schema).sink_parquet(file)
    if failed:
        raise failed[0]
