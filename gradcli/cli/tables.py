"""--data: the way from the options to the run of a table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from gradcli.calculate import means_arrays
from gradcli.cli import console
from gradcli.errors import GradError, PointMistake, UsageMistake, did_you_mean, listed
from gradcli.naming import names_of
from gradcli.point import Point
from gradcli.program import Program, base_of

if TYPE_CHECKING:
    from gradcli.batch.binding import Added
    from gradcli.batch.report import Report
    from gradcli.batch.stream import Done, Job
    from gradcli.batch.table import Block, Reader
    from gradcli.batch.writing import Writer

ENDINGS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PARQUET = 'pip install "gradcli[data]" brings polars, which reads and writes it'
DONE, BAD_INPUT = 0, 2


class Options(NamedTuple):
    """What the user asked for. only: None for whole rows, else the names of the added columns, "" for all of them."""

    data: str
    source: str | None
    to: str | None
    errors: str | None
    kernel: str | None
    only: str | None
    output: str | None
    ties: str
    strict: bool
    fuse: bool


def check(chosen: Options, program_on_stdin: bool, one_point: str | bool | None) -> None:
    """Whether the options go together. one_point: an option for a single point is given. Raises UsageMistake."""
    if one_point:
        raise UsageMistake("--json, --format and --check are for a single point", hint="--to jsonl writes JSON lines")
    if chosen.data == "-" and program_on_stdin:
        raise UsageMistake("the expression and the data cannot both come from standard input", hint="-f FILE")
    if "parquet" in (chosen.source or _by_name(chosen.data), chosen.to or _by_name(chosen.output)):
        _need_polars()


def _need_polars() -> None:
    try:
        import polars  # noqa: F401
    except ImportError:
        raise UsageMistake("Parquet cannot be read or written without polars", hint=PARQUET) from None


class _Way(NamedTuple):
    """How rows are computed.

    given: the columns that give inputs; unused: names in --at that nobody needs; added: what may be added.
    without: of a block, the names among them that are no gradients, as inputs that only pick rows have none.
    """

    given: list[str]
    unused: list[str]
    added: list[Added]
    computed: Callable[[Block], Done]
    without: Callable[[Block], set[str]] | None = None


def run(program: Program, title: str, point: Point, inputs: list[str] | None, chosen: Options) -> int:
    """Value and gradients for each row of a table; the exit status.

    title: what the program is called in messages; inputs: the variables whose gradient is asked for, None for all.
    Raises GradError, mostly before anything is written.
    """
    from gradcli.batch.report import Report
    from gradcli.cli.interrupts import Interrupts

    with (
        _opened(chosen.data, (chosen.source or _by_name(chosen.data)) == "parquet") as data,
        Interrupts() as interrupts,
    ):
        reader, source = _reader(interrupts.waiting(data.read1), data, chosen)  # type: ignore[attr-defined]
        to = chosen.to or _by_name(chosen.output) or source
        _not_on_a_terminal(to, chosen.output)
        try:
            way = (_arrays if means_arrays(program, point) else _numbers)(program, reader, point, inputs, chosen, to)
        except GradError as error:
            raise error.inside(program.text, title) from None
        if way.unused:
            console.remark(f"the program does not use {', '.join(way.unused[:8])}")
        job = _job(reader, way, chosen, to)
        report = Report(lambda sentence: console.fail(PointMistake(sentence)))
        with _written(chosen.output, chosen.data) as file, console.counting(chosen.output is not None) as advance:
            _streamed(job, to, file, report, advance)
    return _finish(report, chosen)


def _streamed(job: Job, to: str, file: IO[bytes], report: Report, advance: Callable[[int], None]) -> None:
    if to == "parquet":
        from gradcli.batch import parquet

        parquet.run(job, file, report, advance)
    else:
        from gradcli.batch import stream

        stream.run(job, _handing_on(file), report, advance)


def _numbers(
    program: Program, reader: Reader, point: Point, inputs: list[str] | None, chosen: Options, to: str
) -> _Way:
    """The way of programs of numbers. to: the format that is written."""
    from gradcli.batch.binding import added, binding
    from gradcli.batch.kernel import kernel
    from gradcli.batch.numbers import Numbers
    from gradcli.batch.troubles import counter

    names, inputs = names_of(program), inputs or program.variables
    found = binding(program, reader.columns, point)
    gradients = [names.gradient_of(leaf) for leaf in program.inputs if base_of(leaf) in inputs]
    work = kernel(program, names, chosen.ties, inputs, kind=chosen.kernel or "exact")
    numbers = Numbers(found, work, counter(program, names, gradients))
    columns = added(program, names, found, inputs, _has_lists(reader, to))
    return _Way([bound.column for bound in found.bound], found.unused, columns, numbers.computed)


def _arrays(program: Program, reader: Reader, point: Point, inputs: list[str] | None, chosen: Options, to: str) -> _Way:
    """The way of programs over arrays. to: the format that is written."""
    from gradcli.batch.arrays import Arrays, sources

    if chosen.kernel == "c":
        raise UsageMistake("--kernel c is for programs of numbers, and this one has arrays")
    if to == "parquet":
        raise UsageMistake("arrays are not written to Parquet", hint="--to jsonl writes them as lists")
    found = sources(program, reader.columns, point)
    arrays = Arrays(program, found, inputs or program.variables, chosen.ties, chosen.fuse)
    without = arrays.without_gradient if inputs is None and chosen.only is None else None
    return _Way(found.columns, found.unused, arrays.added(), arrays.computed, without)


def _job(reader: Reader, way: _Way, chosen: Options, to: str) -> Job:
    """Everything that a row goes through. to: the format that is written."""
    from gradcli.batch.stream import Job
    from gradcli.batch.writing import DELIMITERS

    columns = _columns(way.added, reader, chosen)
    blocks = iter(reader.blocks())
    if way.without is not None:
        columns, blocks = _with_gradients(columns, blocks, way.without)
    given = dict.fromkeys(way.given)
    own = reader.columns or tuple(given)
    foreign = tuple(name for name in own if name not in given)
    alone = chosen.only is not None
    return Job(
        blocks,
        _writer(reader, to, own, frozenset(given), columns, alone),
        columns,
        way.computed,
        chosen.errors or "keep",
        foreign if to in DELIMITERS and not alone else (),
    )


def _with_gradients(
    columns: list[Added], blocks: Iterator[Block], without: Callable[[Block], set[str]]
) -> tuple[list[Added], Iterator[Block]]:
    """The columns that the first block has, and all blocks."""
    begin = list(islice(blocks, 1))
    none = without(begin[0]) if begin else set()
    return [column for column in columns if column.key not in none], chain(begin, blocks)


def _writer(
    reader: Reader, to: str, own: tuple[str, ...], given: frozenset[str], columns: list[Added], alone: bool
) -> Writer:
    """What rows are written by. alone: whether nothing is written but what is added."""
    if to == "parquet":
        from gradcli.batch.parquet import Sheet

        return Sheet(reader, () if alone else own, given, columns)
    from gradcli.batch.writing import writer

    return writer(reader, to, own, given, [column.title for column in columns], alone)


def _finish(report: Report, chosen: Options) -> int:
    """The rest of the report, and the exit status."""
    if report.unnamed():
        console.fail(PointMistake(report.unnamed()))
    if report.runs:
        formulas = "cells begin as formulas do, with = + - or @: a spreadsheet would run them"
        console.note(f"from line {report.runs} on, {formulas}", "warning")
    troubles = list(report.summary(chosen.ties))
    for sentence in troubles:
        console.note(sentence, "error" if chosen.strict else "warning")
    return BAD_INPUT if report.bad or (chosen.strict and troubles) else DONE


# -- what goes in -------------------------------------------------------------------------


@contextmanager
def _opened(path: str, seeks: bool) -> Iterator[IO[bytes]]:
    """The data, unread. Parquet is read from its end: what comes through a pipe is put into a file first."""
    if path == "-":
        if sys.stdin is None:
            raise UsageMistake("standard input is closed")
        if not seeks:
            yield sys.stdin.buffer
            return
        with NamedTemporaryFile() as copied:
            shutil.copyfileobj(sys.stdin.buffer, copied)
            copied.flush()
            yield cast(IO[bytes], copied)
        return
    with _open(path, "rb", "read") as file:
        yield file


def _open(path: str, mode: str, verb: str) -> IO[bytes]:
    try:
        return cast(IO[bytes], open(path, mode))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UsageMistake(f"{path[:120]} cannot be {verb}: {reason}") from None


def _readable(read: Callable[[int], bytes], path: str) -> Callable[[int], bytes]:
    """The same function, with an error that says what could not be read."""

    def reading(size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            title = "standard input" if path == "-" else path[:120]
            raise UsageMistake(f"{title} cannot be read: {error.strerror}") from None

    return reading


def _reader(read: Callable[[int], bytes], data: IO[bytes], chosen: Options) -> tuple[Reader, str]:
    """The table, and its format: as chosen, by the file's name, or JSONL where the data begin with a brace.

    read: takes bytes of the data, and lets Ctrl-C end the program.
    """
    from gradcli.batch.delimited import Delimited
    from gradcli.batch.jsonl import Lines
    from gradcli.batch.source import chunks
    from gradcli.batch.writing import DELIMITERS

    source = chosen.source or _by_name(chosen.data)
    if source == "parquet":
        return _rows(read, data.name), source
    arriving = chunks(_readable(read, chosen.data))
    if source is None:
        first = list(islice(arriving, 1))
        source = "jsonl" if first and first[0].text.lstrip().startswith("{") else "csv"
        arriving = chain(first, arriving)
    return (Lines(arriving) if source == "jsonl" else Delimited(arriving, DELIMITERS[source])), source


def _rows(read: Callable[[int], bytes], path: str) -> Reader:
    """A file of Parquet."""
    from gradcli.batch.parquet import Rows

    return Rows(path, path[:120], lambda: read(0))


def _by_name(path: str | None) -> str | None:
    return ENDINGS.get(os.path.splitext(path)[1].lower()) if path else None


# -- what comes out -----------------------------------------------------------------------


def _columns(columns: list[Added], reader: Reader, chosen: Options) -> list[Added]:
    """The columns that are written, under names that the data do not have; a name that had to change is remarked."""
    from gradcli.batch.binding import titled

    if chosen.only is None:
        found = titled(columns, reader.columns or ())
        for before, after in zip(columns, found, strict=True):
            if before.title != after.title:
                console.remark(f"the data have a column '{before.title}': the one that is added is '{after.title}'")
        reader.reserve({column.title for column in found})
        return found
    titles = [column.title for column in columns]
    names = [name.strip() for name in chosen.only.split(",") if name.strip()] or titles
    unknown = [name for name in names if name not in titles]
    if unknown:
        hint = did_you_mean(unknown[0], titles) or f"the columns that are added are {listed(titles)}"
        raise UsageMistake(f"--only: there is no {listed(unknown)}", hint=hint)
    return [column for column in columns if column.title in names]


@contextmanager
def _written(path: str | None, data: str) -> Iterator[IO[bytes]]:
    """The file that takes the rows."""
    if path is None and sys.stdout is not None:
        yield sys.stdout.buffer
        return
    path = path or os.devnull
    if data != "-" and os.path.exists(path) and os.path.samefile(path, data):
        raise UsageMistake(f"-o {path[:120]} would overwrite the data")
    with _open(path, "wb", "written") as file:
        yield file


def _not_on_a_terminal(to: str, path: str | None) -> None:
    if to == "parquet" and path is None and console.is_terminal(sys.stdout):
        raise UsageMistake("Parquet is nothing for a terminal", hint="-o FILE writes it, --to csv shows the rows")


def _has_lists(reader: Reader, to: str) -> bool:
    """Whether the gradient of lists that come as a column is written as a list."""
    return to == "jsonl" or (to == "parquet" and hasattr(reader, "schema"))


def _handing_on(file: IO[bytes]) -> Callable[[str], None]:
    """What takes text and writes it at once."""

    def write(text: str) -> None:
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()

    return write
