"""One table in, one table out: from what a user wants of it to the job that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import IO, NamedTuple

from gradcli.batch.binding import Added, added, binding, titled
from gradcli.batch.report import Report
from gradcli.batch.stream import Done, Job
from gradcli.batch.table import Block, Reader
from gradcli.batch.writing import DELIMITERS, Writer
from gradcli.calculate import means_arrays
from gradcli.errors import GradError, UsageMistake, did_you_mean, listed
from gradcli.naming import names_of
from gradcli.point import Point
from gradcli.program import Program, base_of


class Wanted(NamedTuple):
    """What is wanted of a table, in plain texts.

    source, to: formats; None for what the data tell. only: None for whole rows, else the names of the added columns,
    "" for all of them. inputs: the variables whose gradient is asked for, None for all.
    """

    source: str | None
    to: str | None
    errors: str | None
    kernel: str | None
    only: str | None
    ties: str
    fuse: bool
    inputs: list[str] | None = None


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


def job(
    program: Program,
    title: str,
    point: Point,
    reader: Reader,
    wanted: Wanted,
    to: str,
    remark: Callable[[str], None],
) -> Job:
    """Everything that a row goes through.

    title: what the program is called in messages; to: the format that is written; remark: takes a sentence.
    Raises GradError where the table does not fit the program.
    """
    try:
        way = (_arrays if means_arrays(program, point) else _numbers)(program, reader, point, wanted, to)
    except GradError as error:
        raise error.inside(program.text, title) from None
    if way.unused:
        remark(f"the program does not use {', '.join(way.unused[:8])}")
    columns = _columns(way.added, reader, wanted.only, remark)
    blocks = iter(reader.blocks())
    if way.without is not None:
        columns, blocks = _with_gradients(columns, blocks, way.without)
    given = dict.fromkeys(way.given)
    own = reader.columns or tuple(given)
    foreign = tuple(name for name in own if name not in given)
    alone = wanted.only is not None
    return Job(
        blocks,
        _writer(reader, to, own, frozenset(given), columns, alone),
        columns,
        way.computed,
        wanted.errors or "keep",
        foreign if to in DELIMITERS and not alone else (),
    )


def run(found: Job, to: str, file: IO[bytes], report: Report, advance: Callable[[int], None]) -> None:
    """Read, compute and write the rows; advance: takes the number of rows done. Raises what stream.run raises."""
    if to == "parquet":
        from gradcli.batch import parquet

        parquet.run(found, file, report, advance)
    else:
        from gradcli.batch import stream

        stream.run(found, _handing_on(file), report, advance)


def _handing_on(file: IO[bytes]) -> Callable[[str], None]:
    """What takes text and writes it at once."""

    def write(text: str) -> None:
        file.write(text.encode("utf-8", "backslashreplace"))
        file.flush()

    return write


# -- the way ------------------------------------------------------------------------------


def _numbers(program: Program, reader: Reader, point: Point, wanted: Wanted, to: str) -> _Way:
    """The way of programs of numbers. to: the format that is written."""
    from gradcli.batch.kernel import kernel
    from gradcli.batch.numbers import Numbers
    from gradcli.batch.troubles import counter

    names, inputs = names_of(program), wanted.inputs or program.variables
    found = binding(program, reader.columns, point)
    gradients = [names.gradient_of(leaf) for leaf in program.inputs if base_of(leaf) in inputs]
    work = kernel(program, names, wanted.ties, inputs, kind=wanted.kernel or "exact")
    numbers = Numbers(found, work, counter(program, names, gradients))
    columns = added(program, names, found, inputs, _has_lists(reader, to))
    return _Way([bound.column for bound in found.bound], found.unused, columns, numbers.computed)


def _arrays(program: Program, reader: Reader, point: Point, wanted: Wanted, to: str) -> _Way:
    """The way of programs over arrays. to: the format that is written."""
    from gradcli.batch.arrays import Arrays, sources

    if wanted.kernel == "c":
        raise UsageMistake("--kernel c is for programs of numbers, and this one has arrays")
    if to == "parquet":
        raise UsageMistake("arrays are not written to Parquet", hint="--to jsonl writes them as lists")
    found = sources(program, reader.columns, point)
    arrays = Arrays(program, found, wanted.inputs or program.variables, wanted.ties, wanted.fuse)
    without = arrays.without_gradient if wanted.inputs is None and wanted.only is None else None
    return _Way(found.columns, found.unused, arrays.added(), arrays.computed, without)


def _has_lists(reader: Reader, to: str) -> bool:
    """Whether the gradient of lists that come as a column is written as a list."""
    return to == "jsonl" or (to == "parquet" and hasattr(reader, "schema"))


# -- what is written ----------------------------------------------------------------------


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


def _columns(columns: list[Added], reader: Reader, only: str | None, remark: Callable[[str], None]) -> list[Added]:
    """The columns that are written, under names that the data do not have; a name that had to change is remarked."""
    if only is None:
        found = titled(columns, reader.columns or ())
        for before, after in zip(columns, found, strict=True):
            if before.title != after.title:
                remark(f"the data have a column '{before.title}': the one that is added is '{after.title}'")
        reader.reserve({column.title for column in found})
        return found
    titles = [column.title for column in columns]
    names = [name.strip() for name in only.split(",") if name.strip()] or titles
    unknown = [name for name in names if name not in titles]
    if unknown:
        hint = did_you_mean(unknown[0], titles) or f"the columns that are added are {listed(titles)}"
        raise UsageMistake(f"--only: there is no {listed(unknown)}", hint=hint)
    return [column for column in columns if column.title in names]
