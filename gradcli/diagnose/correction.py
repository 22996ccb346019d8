"""Slips as changes to the author's file: a line rewritten, put in, taken out or moved."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gradcli.diagnose.findings import Change
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.source import Source


def rewritten(source: Source, old: Assignment, new: Assignment) -> Change:
    """A line whose operator, target or expression is another one."""
    written = source.text[old.begin : old.at]
    found = re.match(r"(?P<target>.*?)(?P<blank>\s*)[-+*/]?=(?P<behind>\s*)\Z", written, re.DOTALL)
    if found is None:
        return Change(old.at, old.at + len(old.expression), new.expression)
    target = found["target"]
    if new.target != old.target:
        target = target.replace(old.target, new.target)
    if new.entry != old.entry:
        target = target.replace(old.entry, new.entry)
    text = f"{target}{found['blank']}{new.operator}={found['behind']}{new.expression}"
    return Change(old.begin, old.at + len(old.expression), text)


def line_of(source: Source, change: Change, old: Assignment) -> str:
    """The statement as it reads after a change inside it."""
    start, end = old.statement
    begin, stop = max(change.start, start), min(change.end, end)
    return f"{source.text[start:begin]}{change.text}{source.text[stop:end]}".strip()


def inserted(source: Source, new: Assignment, before: Assignment | None, last: Assignment) -> tuple[Change, str]:
    """A line that is put in before another one, or behind the last; and the line alone."""
    neighbour = before or last
    start, end = _whole(source.text, neighbour)
    indent = re.match(r"[ \t]*", source.text[start:])
    declared = "double " if source.braces and not new.operator and re.search(r"\bdouble\b", source.text) else ""
    line = f"{declared}{new.target}{new.entry} {new.operator}= {new.expression}{';' if source.braces else ''}"
    text = f"{indent[0] if indent else ''}{line}\n"
    place = start if before is not None else end
    if before is None and source.text[:end][-1:] != "\n":
        text = "\n" + text
    return Change(place, place, text), line


def removed(source: Source, old: Assignment) -> Change:
    """A line that is taken out."""
    return Change(*_whole(source.text, old), "")


def moved(source: Source, lines: list[Assignment], behind: Assignment) -> list[Change]:
    """Lines that go behind another one."""
    end = _whole(source.text, behind)[1]
    whole = [_whole(source.text, line) for line in lines]
    texts = [source.text[start:stop] for start, stop in whole]
    joined = "".join(text if text.endswith("\n") else text + "\n" for text in texts)
    if source.text[:end][-1:] != "\n":
        joined = "\n" + joined
    return [Change(end, end, joined), *(Change(start, stop, "") for start, stop in whole)]


def _whole(text: str, line: Assignment) -> tuple[int, int]:
    """The lines of the file that a statement takes, their ends included."""
    start = text.rfind("\n", 0, line.statement.start) + 1
    end = text.find("\n", line.statement.end)
    return start, len(text) if end < 0 else end + 1


def changed(text: str, changes: Iterable[Change]) -> str:
    """The file with all changes; of two that overlap the first in the file counts."""
    pieces, at = [], 0
    for change in sorted(dict.fromkeys(changes), key=lambda change: (change.start, change.end)):
        if change.start >= at:
            pieces += [text[at : change.start], change.text]
            at = change.end
    return "".join([*pieces, text[at:]])
