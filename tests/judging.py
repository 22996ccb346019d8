"""A mutant and what the diagnosis says of it: is the line named, the kind, and is the corrected file right?"""

from __future__ import annotations

from typing import NamedTuple

from mutations import Mutant, Pass, gives_the_same

from gradcli.diagnose import diagnose
from gradcli.errors import GradError
from gradcli.point import Point


class Found(NamedTuple):
    """line, kind, fix: whether each is right; said: the first message."""

    line: bool
    kind: bool
    fix: bool
    said: str


def judged(one: Pass, mutant: Mutant) -> Found:
    """The diagnosis of a mutant, held against what was done to it."""
    try:
        found = diagnose(mutant.source, Point(dict(one.at), frozenset()))
    except GradError as error:
        return Found(False, False, False, f"error: {error.message}")
    if not found.slips:
        return Found(False, False, False, "nothing is wrong")
    slip = found.slips[0]
    number = mutant.source.count("\n", 0, slip.span.start) + 1
    line = number in mutant.lines or (
        slip.kind == mutant.kind == "missing" and slip.name == mutant.target.partition("[")[0]
    )
    said = f"{len(found.slips)} slips, line {number} {slip.kind} {slip.name} {slip.via}: {slip.correct}"
    return Found(line, slip.kind == mutant.kind, gives_the_same(found.corrected, one.source, one.at), said)
