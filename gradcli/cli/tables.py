"""--data: the way from the options to the run of a table."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple, cast

from gradcli.batch import work
from gradcli.batch.formats import by_name, need_polars, opened
from gradcli.batch.work import Wanted
from gradcli.cli import console
from gradcli.errors import PointMistake, UsageMistake
from gradcli.point import Point
from gradcli.program import Program

if TYPE_CHECKING:
    from gradcli.batch.parts import Findings, Order
    from gradcli.batch.report import Report

DONE, BAD_INPUT = 0, 2


class Options(NamedTuple):
    """What the user asked for. engine: where parts are computed, "dask" or a scheduler's address; None: here."""

    data: str
    output: str | None
    engine: str | None
    strict: bool
    wanted: Wanted


def check(chosen: Options, program_on_stdin: bool, one_point: str | bool | None) -> None:
    """Whether the options go together. one_point: an option for a single point is given. Raises UsageMistake."""
    wanted = chosen.wanted
    if one_point:
        raise UsageMistake("--json, --format and --check are for a single point", hint="--to jsonl writes JSON lines")
    if chosen.data == "-" and program_on_stdin:
        raise UsageMistake("the expression and the data cannot both come from standard input", hint="-f FILE")
    if os.path.isdir(chosen.data):
        _check_folder(chosen)
    elif chosen.engine is not None:
        raise UsageMistake("--engine is for a folder of parts", hint="--data FOLDER -o FOLDER")
    if "parquet" in (wanted.source or by_name(chosen.data), wanted.to or by_name(chosen.output)):
        need_polars()


def _check_folder(chosen: Options) -> None:
    """Whether there is another folder for the results, or can be one."""
    output = chosen.output
    if output is None:
        raise UsageMistake("a folder of parts needs a folder for the results", hint="-o FOLDER")
    if os.path.exists(output) and not os.path.isdir(output):
        raise UsageMistake(f"-o {output[:120]} is no folder, and --data is one")
    if os.path.exists(output) and os.path.samefile(output, chosen.data):
        raise UsageMistake(f"-o {output[:120]} would overwrite the data")
    if chosen.engine is not None and chosen.engine != "dask" and "://" not in chosen.engine:
        hint = "dask for processes of this machine, tcp://HOST:8786 for a scheduler"
        raise UsageMistake(f"--engine cannot be '{chosen.engine[:60]}'", hint=hint)
    if chosen.engine is not None:
        from gradcli.batch import dask

        dask.needed()


def run(program: Program, title: str, point: Point, inputs: list[str] | None, chosen: Options) -> int:
    """Value and gradients for each row of a table, or of each part of a folder; the exit status.

    title: what the program is called in messages; inputs: the variables whose gradient is asked for, None for all.
    Raises GradError, mostly before anything is written.
    """
    from gradcli.batch.report import Report

    report = Report(lambda sentence: console.fail(PointMistake(sentence)))
    chosen = chosen._replace(wanted=chosen.wanted._replace(inputs=inputs))
    (_folder if os.path.isdir(chosen.data) else _file)(program, title, point, chosen, report)
    return _finish(report, chosen)


def _file(program: Program, title: str, point: Point, chosen: Options, report: Report) -> None:
    """The rows of one table."""
    from gradcli.cli.interrupts import Interrupts

    wanted = chosen.wanted
    with _opened(chosen.data, (wanted.source or by_name(chosen.data)) == "parquet") as data, Interrupts() as interrupts:
        read = interrupts.waiting(data.read1)  # type: ignore[attr-defined]
        reader, source = opened(read, data.name, chosen.data, wanted.source)
        to = wanted.to or by_name(chosen.output) or source
        _not_on_a_terminal(to, chosen.output)
        job = work.job(program, title, point, reader, wanted, to, console.remark)
        with _written(chosen.output, chosen.data) as file, console.counting(chosen.output is not None) as advance:
            work.run(job, to, file, report, advance)


def _folder(program: Program, title: str, point: Point, chosen: Options, report: Report) -> None:
    """The rows of each part, part by part here, or through the engine."""
    from secrets import token_hex

    from gradcli.batch import parts

    output, token = chosen.output or "", token_hex(8)
    orders = parts.orders(chosen.data, output, program.text, title, point, chosen.wanted, token)
    try:
        os.makedirs(output, exist_ok=True)
    except OSError as error:
        raise UsageMistake(f"{output[:120]} cannot be written: {error.strerror}") from None
    try:
        with console.counting(True) as advance:
            parts.gathered(_found(orders, chosen.engine), report, console.remark, advance)
    finally:
        parts.swept(output, token)


def _found(orders: Sequence[Order], engine: str | None) -> Iterator[Findings]:
    """What is found in each part."""
    if engine is None:
        from gradcli.batch import parts

        return parts.inside(orders)
    from gradcli.batch import dask

    return dask.through(orders, engine)


def _finish(report: Report, chosen: Options) -> int:
    """The rest of the report, and the exit status."""
    if report.unnamed():
        console.fail(PointMistake(report.unnamed()))
    if report.runs:
        formulas = "cells begin as formulas do, with = + - or @: a spreadsheet would run them"
        console.note(f"{report.where}from line {report.runs} on, {formulas}", "warning")
    troubles = list(report.summary(chosen.wanted.ties))
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


# -- what comes out -----------------------------------------------------------------------


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
