"""--data: the way from the options to the run of a table."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, islice
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

ENDINGS = {".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PARQUET = "convert it to CSV, for example with polars (pip install polars): polars.read_parquet(FILE).write_csv(FILE)"
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
        raise UsageMistake("Parquet cannot be read or written", hint=PARQUET)


def run(program: Program, title: str, point: Point, inputs: list[str], chosen: Options) -> int:
    """Value and gradients for each row of a table; the exit status.

    title: what the program is called in messages. Raises GradError, mostly before anything is written.
    """
    from gradcli.batch import stream
    from gradcli.batch.binding import binding
    from gradcli.batch.report import Report
    from gradcli.cli.interrupts import Interrupts

    with _opened(chosen.data) as data, Interrupts() as interrupts:
        reader, source = _reader(interrupts.waiting(data.read1), chosen)  # type: ignore[attr-defined]
        try:
            numbers_only(program, "--data")
            found = binding(program, reader.columns, point)
        except GradError as error:
            raise error.inside(program.text, title) from None
        if found.unused:
            console.remark(f"the program does not use {', '.join(found.unused[:8])}")
        job = _job(program, reader, found, inputs, chosen, chosen.to or _by_name(chosen.output) or source)
        report = Report(lambda sentence: console.fail(PointMistake(sentence)))
        with _written(chosen.output, chosen.data) as write, console.counting(chosen.output is not None) as advance:
            stream.run(job, write, report, advance)
    return _finish(report, chosen)


def _job(program: Program, reader: Reader, found: Binding, inputs: list[str], chosen: Options, to: str) -> Job:
    """Everything that a row goes through. to: the format that is written."""
    from gradcli.batch.binding import added
    from gradcli.batch.kernel import kernel
    from gradcli.batch.stream import Job
    from gradcli.batch.troubles import counter
    from gradcli.batch.writing import DELIMITERS, writer

    names = names_of(program)
    columns = _columns(added(program, names, found, inputs, to == "jsonl"), reader, chosen)
    titles = [column.title for column in columns]
    given = {bound.column: None for bound in found.bound}
    own = reader.columns or tuple(given)
    foreign = tuple(name for name in own if name not in given)
    alone = chosen.only is not None
    return Job(
        reader,
        writer(reader, to, own, frozenset(given), titles, alone),
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
def _opened(path: str) -> Iterator[IO[bytes]]:
    """The data, unread."""
    if path == "-":
        if sys.stdin is None:
            raise UsageMistake("standard input is closed")
        yield sys.stdin.buffer
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


def _reader(read: Callable[[int], bytes], chosen: Options) -> tuple[Reader, str]:
    """The table, and its format: as chosen, by the file's name, or JSONL where the data begin with a brace."""
    from gradcli.batch.delimited import Delimited
    from gradcli.batch.jsonl import Lines
    from gradcli.batch.source import chunks
    from gradcli.batch.writing import DELIMITERS

    source = chosen.source or _by_name(chosen.data)
    arriving = chunks(_readable(read, chosen.data))
    if source is None:
        first = list(islice(arriving, 1))
        source = "jsonl" if first and first[0].text.lstrip().startswith("{") else "csv"
        arriving = chain(first, arriving)
    return (Lines(arriving) if source == "jsonl" else Delimited(arriving, DELIMITERS[source])), source


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
def _written(path: str | None, data: str) -> Iterator[Callable[[str], None]]:
    """What takes rows: each call's are handed on at once."""
    if path is None:
        yield _handing_on(sys.stdout.buffer) if sys.stdout is not None else lambda text: None
        return
    if data != "-" and os.path.exists(path) and os.path.samefile(path, data):
        raise UsageMistake(f"-o {path[:120]} would overwrite the data")
    with _open(path, "wb", "written") as file:
        yield _handing_on(file)


def _handing_on(file: IO[bytes]) -> Callable[[str], None]:
    def write(text: str) -> None:
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()

    return write
