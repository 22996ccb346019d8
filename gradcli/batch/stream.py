"""A table from input to output, one block after the other; what is written is whole rows at any time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradcli.batch.binding import Added
from gradcli.batch.json_values import filled
from gradcli.batch.report import Report, sentence
from gradcli.batch.table import Block, Faults
from gradcli.batch.writing import Writer, runs_in_a_spreadsheet
from gradcli.errors import PointMistake

ERRORS = ("keep", "skip", "stop")


class Job(NamedTuple):
    """What is done with a table.

    computed: a block with its results.
    errors: one of ERRORS, what becomes of a row that cannot be computed.
    foreign: columns whose texts a spreadsheet might take for formulas.
    """

    blocks: Iterable[Block]
    writer: Writer
    columns: Sequence[Added]
    computed: Callable[[Block], Done]
    errors: str
    foreign: Sequence[str]


class Done(NamedTuple):
    """A block that has been computed.

    good: the places of the rows that have results; None for all of them. results: for each of these rows, by name:
    numbers as an array, shape (rows,) or (), or a list of values that are numbers and nested lists.
    troubles: how often each (kind, stage) was met.
    """

    block: Block
    good: NDArray[np.int64] | None
    results: Mapping[str, Any]
    faults: Faults
    troubles: Mapping[tuple[str, str], int]


def run(job: Job, write: Callable[[str], None], report: Report, advance: Callable[[int], None]) -> None:
    """Read, compute and write until the input ends.

    write: takes whole rows; advance: takes the number of rows done. Raises PointMistake at a bad row under "stop",
    after the rows before it are written, and what reading and writing raise.
    """
    ending = job.writer.ending
    write("".join(line + ending for line in job.writer.head()))
    for done in worked(job, report, advance):
        lines = lines_of(job, done)
        write(ending.join(lines) + ending if lines else "")


def worked(job: Job, report: Report, advance: Callable[[int], None]) -> Iterator[Done]:
    """The blocks, computed; what is wrong in one is told when the next is asked for."""
    for block in job.blocks:
        done = job.computed(block)
        yield done
        _tell(job, done, report)
        advance(len(block.lines))


def kept_rows(job: Job, done: Done) -> list[int] | None:
    """The places of the rows that are written; None for all of them."""
    if not done.faults or job.errors == "keep":
        return None
    rows = range(len(done.block.lines) if job.errors == "skip" else min(done.faults))
    return [row for row in rows if row not in done.faults]


def _tell(job: Job, done: Done, report: Report) -> None:
    block, faults = done.block, done.faults
    if faults and job.errors == "stop":
        first = min(faults)
        raise PointMistake(sentence(block.lines[first], faults[first]))
    for row in sorted(faults):
        report.name(block.lines[row], faults[row])
    if job.foreign and not report.runs and any(runs_in_a_spreadsheet(block.words(name)) for name in job.foreign):
        report.runs = block.lines[0]
    report.count(done.troubles)


# -- cells --------------------------------------------------------------------------------


def lines_of(job: Job, done: Done) -> list[str]:
    """The rows that are written."""
    lines = job.writer.lines(done.block, [cells(job, column, done) for column in job.columns])
    rows = kept_rows(job, done)
    return lines if rows is None else [lines[row] for row in rows]


def cells(job: Job, column: Added, done: Done) -> list[str]:
    """The cells of an added column, row by row."""
    rows = len(done.block.lines) if done.good is None else len(done.good)
    if column.entries:
        texts = _nested(job, column, done)
    elif isinstance(done.results[column.key], list):
        texts = [job.writer.value(value) for value in done.results[column.key]]
    else:
        texts = job.writer.texts(np.broadcast_to(done.results[column.key], rows))
    if done.good is None:
        return texts
    whole = [job.writer.missing] * len(done.block.lines)
    for row, text in zip(done.good.tolist(), texts, strict=True):
        whole[row] = text
    return whole


def _nested(job: Job, column: Added, done: Done) -> list[str]:
    """Gradients in the shape of the lists that they belong to, as JSON."""
    shapes = done.block.values(column.column)
    if done.good is not None:
        shapes = [shapes[row] for row in done.good.tolist()]
    places = [place for place, _ in column.entries]
    texts = zip(*(job.writer.texts(done.results[key]) for _, key in column.entries), strict=True)
    return [filled(shape, dict(zip(places, row, strict=True))) for shape, row in zip(shapes, texts, strict=True)]
