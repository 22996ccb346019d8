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

from gradcli.calculate import numbers_only
from gradcli.cli import console
from gradcli.errors import GradError, PointMistake, UsageMistake, did_you_mean, listed
from gradcli.naming import names_of
from gradcli.point import Point
from gradcli.program import Program, base_of

if TYPE_CHECKING:
    from gradcli.batch.binding import Added, Binding
    from gradcli.batch.report import Report
    from gradcli.batch.stream import Job
    from gradcli.batch.table import Reader
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


def run(program: Program, title: str, point: Point, inputs: list[str], chosen: Options) -> int:
    """Value and gradients for each row of a table; the exit status.

    title: what the program is called in messages. Raises GradError, mostly before anything is written.
    """
    from gradcli.batch.binding import binding
    from gradcli.batch.report import Report
    from gradcli.cli.interrupts import Interrupts

    with (
        _opened(chosen.data, (chosen.source or _by_name(chosen.data)) == "parquet") as data,
        Interrupts() as interrupts,
    ):
        reader, source = _reader(interrupts.waiting(data.read1), data, chosen)  # type: ignore[attr-defined]
        try:
            numbers_only(program, "--data")
            found = binding(program, reader.columns, point)
        except GradError as error:
            raise error.inside(program.text, title) from None
        if found.unused:
            console.remark(f"the program does not use {', '.join(found.unused[:8])}")
        to = chosen.to or _by_name(chosen.output) or source
        _not_on_a_terminal(to, chosen.output)
        job = _job(program, reader, found, inputs, chosen, to)
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


def _job(program: Program, reader: Reader, found: Binding, inputs: list[str], chosen: Options, to: str) -> Job:
    """Everything that a row goes through. to: the format that is written."""
    from gradcli.batch.binding import added
    from gradcli.batch.kernel import kernel
    from gradcli.batch.stream import Job
    from gradcli.batch.troubles import counter
    from gradcli.batch.writing import DELIMITERS, writer

    names = names_of(program)
    columns = _columns(added(program, names, found, inputs, _has_lists(reader, to)), reader, chosen)
    titles = [column.title for column in columns]
    given = {bound.column: None for bound in found.bound}
    own = reader.columns or tuple(given)
    foreign = tuple(name for name in own if name not in given)
    alone = chosen.only is not None
    if to == "parquet":
        from gradcli.batch.parquet import Sheet

        out: Writer = Sheet(reader, () if alone else own, frozenset(given), columns)
    else:
        out = writer(reader, to, own, frozenset(given), titles, alone)
    return Job(
        reader,
        out,
        found,
        columns,
        kernel(program, names, chosen.ties, inputs, kind=chosen.kernel or "exact"),
        counter(program, names, [names.gradient_of(leaf) for leaf in program.inputs if base_of(leaf) in inputs]),
        chosen.errors or "keep",
        foreign if to in DELIMITERS and not alone else (),
    )


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
