"""What a check found: one record for each gradient, one for each method."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import Any, NamedTuple

AGREES, CANCELLATION, KINK, BOUNDARY = "agrees", "cancellation", "kink", "boundary"
OVERFLOW, CONVENTION, SKIPPED, DISAGREES = "overflow", "convention", "skipped", "DISAGREES"
GRAVITY = (AGREES, CANCELLATION, KINK, BOUNDARY, OVERFLOW, SKIPPED, CONVENTION, DISAGREES)


class Part(NamedTuple):
    """One gradient held against another source.

    name: of the gradient (dx). ours: what the backward pass gave, a number; in a report also an array.
    left, right: the slopes on both sides, nan where there is none. verdict: a word of GRAVITY.
    difference: relative; nan where nothing can be compared. note: the reason, in words.
    """

    name: str
    ours: Any
    left: float = nan
    right: float = nan
    verdict: str = AGREES
    difference: float = nan
    note: str = ""


class Check(NamedTuple):
    """What one method says about all gradients.

    status: agrees, disagrees or skipped. verdict: the gravest of its parts. reason: why it was
    skipped, or what is to be known. difference: the largest relative one; nan where none was made.
    """

    method: str
    status: str
    verdict: str = AGREES
    reason: str = ""
    difference: float = nan
    parts: tuple[Part, ...] = ()

    @property
    def conventional(self) -> bool:
        """Whether the slope is explained by a convention alone."""
        return self.verdict == CONVENTION


def skipped(method: str, reason: str, verdict: str = SKIPPED) -> Check:
    """A method that cannot say anything here."""
    return Check(method, "skipped", verdict, reason)


def gravest(verdicts: Sequence[str]) -> str:
    """The verdict that a reader has to know first."""
    return max(verdicts, key=GRAVITY.index, default=AGREES)


def concluded(method: str, parts: Sequence[Part], remark: str = "") -> Check:
    """The parts of a method as one finding."""
    if not parts:
        return skipped(method, remark or "no gradient was asked for")
    verdict = gravest([part.verdict for part in parts])
    told = next((f"{part.name}: {part.note}" for part in parts if part.verdict == verdict and part.note), "")
    reason = "; ".join(words for words in (told, remark) if words)
    compared = [part.difference for part in parts if isfinite(part.difference)]
    difference = max(compared, default=nan)
    if verdict == DISAGREES:
        return Check(method, "disagrees", verdict, reason, difference, tuple(parts))
    if not compared:
        return Check(method, "skipped", verdict, reason or "there is nothing to compare", nan, tuple(parts))
    return Check(method, "agrees", verdict, reason, difference, tuple(parts))


def relative(ours: float, theirs: float) -> float:
    """The note's relative error |a - n| / max(|a|, |n|); 0 where both are the same, nan where one is not finite."""
    if ours == theirs:
        return 0.0
    if not (isfinite(ours) and isfinite(theirs)):
        return nan
    return abs(ours - theirs) / max(abs(ours), abs(theirs))
