"""Ours against the slopes on both sides: which verdict that is."""

from __future__ import annotations

import mpmath

from gradcli.checks.precise import Number, as_float
from gradcli.checks.rounding import LARGEST, TINY, Way
from gradcli.checks.slopes import Sides
from gradcli.checks.verdict import AGREES, BOUNDARY, CANCELLATION, CONVENTION, DISAGREES, KINK, OVERFLOW, Part, relative

NOTABLE = 1e-10  # a relative difference that a reader should hear of, although rounding explains it


def judged(name: str, ours: Number, slopes: Sides, bound: Number, way: Way, wrong: bool) -> Part:
    """The verdict on one gradient.

    bound: what rounding explains. way: what lies between it and the output.
    wrong: it does not follow from the gradients of the stages that use it.
    """
    verdict, note = _verdict(mpmath.mpf(ours), slopes, bound, way)
    if wrong and verdict != DISAGREES:
        verdict, note = DISAGREES, "it does not follow from the gradients of the stages that use it"
    difference = relative(float(ours), as_float(_nearest(mpmath.mpf(ours), slopes)))
    return Part(name, float(ours), as_float(slopes.left), as_float(slopes.right), verdict, difference, note)


def _verdict(ours: Number, slopes: Sides, bound: Number, way: Way) -> tuple[str, str]:
    if not mpmath.isfinite(ours):
        return _not_finite(ours, slopes, way)
    if not slopes.known:
        return _at_edge(ours, slopes, bound, way)
    if slopes.low - bound <= ours <= slopes.high + bound:
        return _inside(ours, slopes, bound, way)
    if Way.WRONG not in way:
        if Way.BENT in way:
            return (
                CONVENTION,
                f"kinks inside cancel: the slope is {_shown(slopes)}, the conventions give {_number(ours)}",
            )
        if Way.EDGED in way:
            return BOUNDARY, "a stage on the way has no finite slope"
        if Way.OVERFLOWN in way:
            return OVERFLOW, "a stage on the way overflows"
    return DISAGREES, f"the slope is {_shown(slopes)}, not {as_float(ours)!r}"


def _inside(ours: Number, slopes: Sides, bound: Number, way: Way) -> tuple[str, str]:
    if not slopes.smooth:
        return KINK, f"a kink with slopes from {_number(slopes.low)} to {_number(slopes.high)}"
    if abs(ours - slopes.left) <= NOTABLE * abs(slopes.left) + TINY:
        return AGREES, ""
    if mpmath.isinf(bound):
        return BOUNDARY, "a stage on the way has no finite slope"
    return CANCELLATION, f"rounding makes {as_float(ours)!r} of the slope {_shown(slopes)}"


def _not_finite(ours: Number, slopes: Sides, way: Way) -> tuple[str, str]:
    if Way.OVERFLOWN in way or (slopes.known and max(map(abs, slopes)) > LARGEST):
        return OVERFLOW, "a value or gradient on the way is too large for a float"
    if Way.EDGED in way and slopes.smooth:
        return (
            BOUNDARY,
            f"a removable singularity: the formula has slope {_shown(slopes)}, its stages give {_number(ours)}",
        )
    if Way.EDGED in way or not slopes.known:
        return BOUNDARY, "a stage on the way has no finite slope"
    return DISAGREES, f"the slope is {_shown(slopes)}, not {as_float(ours)!r}"


def _at_edge(ours: Number, slopes: Sides, bound: Number, way: Way) -> tuple[str, str]:
    ends = [slope for slope in slopes if mpmath.isfinite(slope)]
    if ends and abs(ours - ends[0]) > bound and Way.WRONG in way:
        return DISAGREES, f"the slope on the side that has one is {as_float(ends[0])!r}, not {as_float(ours)!r}"
    if not ends:
        return BOUNDARY, "there is no finite slope on either side"
    return BOUNDARY, "there is a slope on one side only"


def _nearest(ours: Number, slopes: Sides) -> Number:
    """The slope that ours has to be compared with: itself if it lies between both sides."""
    known = [slope for slope in slopes if mpmath.isfinite(slope)]
    if ours in slopes or (len(known) == 2 and slopes.low <= ours <= slopes.high):
        return ours
    return min(known, key=lambda slope: abs(slope - ours), default=mpmath.nan)


def _number(number: Number) -> str:
    return f"{as_float(number):.6g}"


def _shown(slopes: Sides) -> str:
    if slopes.smooth:
        return f"{as_float(slopes.left)!r}"
    return f"between {_number(slopes.low)} and {_number(slopes.high)}"
