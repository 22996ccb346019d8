"""A folder of parts: each is a table of its own, in this process or another, and goes to a part under its name.

What travels between processes are texts, numbers and lists: an order goes to `computed`, findings come back. A part is
written under a name that begins with a dot and renamed when it is whole: one that was cut short, by a worker that died
or a full disk, leaves nothing that looks like a part.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from secrets import token_hex
from typing import IO, Any, NamedTuple

from gradcli.batch import formats, work
from gradcli.batch.report import Report
from gradcli.batch.table import Fault
from gradcli.errors import GradError, Span, UsageMistake, listed
from gradcli.point import Point
from gradcli.staging import stage

ENDING = ".unfinished"
Order = dict[str, Any]  # what computed() takes


class Findings(NamedTuple):
    """What came of a part.

    rows: how many it has; bad: how many of them could not be computed; faults: line, message and column of the first
    ones; runs: as in Report; counts: kind, stage and number of rows.
    error: message, span, hint, source and title of what ended it; then it was not written.
    """

    name: str
    rows: int = 0
    bad: int = 0
    faults: Sequence[tuple[int, str, str]] = ()
    runs: int = 0
    counts: Sequence[tuple[str, str, int]] = ()
    remarks: Sequence[str] = ()
    error: tuple[str, tuple[int, int] | None, str, str | None, str] | None = None

    def check(self) -> None:
        """Raises GradError where there is an error, with the part's name in it."""
        if self.error:
            message, span, hint, source, title = self.error
            raise GradError(f"{self.name[:120]}: {message}", Span(*span) if span else None, hint, source, title)


def orders(
    data: str, output: str, program: str, title: str, point: Point, wanted: work.Wanted, token: str
) -> list[Order]:
    """An order for each part of a folder, in the order of their names.

    program: its text, and title what it is called; token: goes into the names of parts that are not finished.
    Raises UsageMistake where there is none, or where two would be written to the same name.
    """
    found = [name for name in sorted(_listed(data)) if wanted.source or formats.by_name(name)]
    if not found:
        raise UsageMistake(
            f"{data[:120]} has no parts in it", hint=f"files that end in {', '.join(formats.ENDINGS)}, or --from"
        )
    names = [_renamed(name, wanted) for name in found]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UsageMistake(f"two parts would be written to {listed(twice)}")
    common: Order = {
        "program": program,
        "title": title,
        "point": [dict(point.values), sorted(point.loose)],
        "wanted": list(wanted),
        "token": token,
    }
    data, output = os.path.abspath(data), os.path.abspath(output)
    return [
        common | {"name": name, "data": os.path.join(data, name), "output": os.path.join(output, out)}
        for name, out in zip(found, names, strict=True)
    ]


def _listed(folder: str) -> Iterator[str]:
    """The files in a folder but hidden ones and marks like _SUCCESS."""
    try:
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries if entry.name[0] not in "._" and entry.is_file())
    except OSError as error:
        raise UsageMistake(f"{folder[:120]} cannot be read: {error.strerror}") from None


def _renamed(name: str, wanted: work.Wanted) -> str:
    """The same name; with another ending if the format changes."""
    if wanted.to is None or wanted.to == (formats.by_name(name) or wanted.source):
        return name
    return f"{os.path.splitext(name)[0]}.{wanted.to}"


def inside(orders: Sequence[Order]) -> Iterator[Findings]:
    """The parts one after the other, in this process."""
    return map(computed, orders)


def computed(order: Mapping[str, Any]) -> Findings:
    """Compute one part and write it; an error is among what is found."""
    report = Report(lambda sentence: None)
    try:
        rows, remarks = _computed(order, report)
    except GradError as error:
        span = (error.span.start, error.span.end) if error.span else None
        return Findings(order["name"], error=(error.message, span, error.hint, error.source, error.title))
    return Findings(
        order["name"], rows, report.bad, [(line, *fault) for line, fault in report.first], report.runs,
        [(kind, stage, times) for (kind, stage), times in report.counts.items()], remarks,
    )  # fmt: skip


def _computed(order: Mapping[str, Any], report: Report) -> tuple[int, list[str]]:
    """The number of rows, and what is remarked."""
    remarks: list[str] = []
    rows: list[int] = []
    wanted = work.Wanted(*order["wanted"])
    values, loose = order["point"]
    program = stage(order["program"], fuse=wanted.fuse)
    with _file(order["data"]) as data:
        reader, source = formats.opened(data.read, order["data"], order["data"], wanted.source)
        to = wanted.to or source
        point = Point(values, frozenset(loose))
        found = work.job(program, order["title"], point, reader, wanted, to, remarks.append)
        with written(order["output"], order["token"]) as file:
            work.run(found, to, file, report, rows.append)
    return sum(rows), remarks


def _file(path: str) -> IO[bytes]:
    try:
        return open(path, "rb", buffering=0)
    except OSError as error:
        raise UsageMistake(f"it cannot be read: {error.strerror}") from None


@contextmanager
def written(path: str, token: str) -> Iterator[IO[bytes]]:
    """A file that takes its name when it is whole. Raises UsageMistake where it cannot be written."""
    folder, name = os.path.split(path)
    unfinished = os.path.join(folder, f".{name[:100]}.{token}.{token_hex(4)}{ENDING}")
    try:
        with open(unfinished, "xb") as file:
            yield file
        os.replace(unfinished, path)
    except OSError as error:
        raise UsageMistake(f"it cannot be written: {error.strerror}") from None
    finally:
        with suppress(OSError):
            os.unlink(unfinished)


def swept(folder: str, token: str) -> None:
    """Take away what workers that died have left unfinished."""
    for entry in os.scandir(folder):
        if f".{token}." in entry.name and entry.name.startswith(".") and entry.name.endswith(ENDING):
            with suppress(OSError):
                os.unlink(entry.path)


def gathered(
    found: Iterator[Findings],
    report: Report,
    remark: Callable[[str], None],
    advance: Callable[[int], None],
) -> None:
    """Put what is found part by part into one report; a remark that several parts give is given once.

    Raises GradError at the first part that could not be computed.
    """
    remarked: set[str] = set()
    for part in found:
        part.check()
        for sentence in part.remarks:
            if sentence not in remarked:
                remarked.add(sentence)
                remark(sentence)
        report.add(part.name, part.bad, [(line, Fault(*fault)) for line, *fault in part.faults], part.runs)
        report.count({(kind, stage): times for kind, stage, times in part.counts})
        advance(part.rows)
