"""Slopes on both sides of a point, by a step so small that only a kink or a pole can part them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import mpmath

from gradcli.checks.precise import Number

SAME = mpmath.mpf(10) ** -20  # relative; a step of 1e-35 leaves some 40 digits of a slope
CLOSER = mpmath.mpf(10) ** -10
SHRINKS, GROWS = mpmath.mpf("0.01"), mpmath.mpf("1.001")  # x log(x) at 0 grows by 10/35 when the step shrinks so

WIDEST = 1100  # bits: the range of a float


class Sides(NamedTuple):
    """left, right: one-sided slopes; nan where the function has no value on that side, or jumps or climbs for ever."""

    left: Number
    right: Number

    @property
    def low(self) -> Number:
        """The smaller slope."""
        return min(self.left, self.right)

    @property
    def high(self) -> Number:
        """The larger slope."""
        return max(self.left, self.right)

    @property
    def known(self) -> bool:
        """Whether both sides have a finite slope."""
        return bool(mpmath.isfinite(self.left) and mpmath.isfinite(self.right))

    @property
    def smooth(self) -> bool:
        """Whether both sides have the same finite slope."""
        return self.known and same(self.left, self.right)


UNKNOWN = Sides(mpmath.nan, mpmath.nan)
FLAT = Sides(mpmath.mpf(0), mpmath.mpf(0))


def same(a: Number, b: Number) -> bool:
    """Whether two slopes are one: to 20 digits."""
    return bool(abs(a - b) <= SAME * max(abs(a), abs(b)))


class Scale(NamedTuple):
    """How finely slopes are taken.

    digits: the precision of all numbers. step: absolute, small against every value.
    floor: what is below it is rounding, no slope.
    """

    digits: int
    step: Number
    floor: Number


def scale_of(values: Iterable[Number]) -> Scale:
    """Steps of 1e-35 for values around 1; finer, with more digits, where values lie far apart.

    With all sizes between 10**-small and 10**large, a step of 10**-(35 + small + large) moves none of them
    by much, and with 95 + 2 small + 3 large digits the rounding of a slope stays under 10**-(50 + small + large).
    """
    sizes = [int(mpmath.mag(value)) for value in values if value != 0 and mpmath.isfinite(value)]
    bits = [size for size in sizes if abs(size) < WIDEST]  # beyond it a float is 0 or infinite
    small, large = _decimals(-min(bits, default=0)), _decimals(max(bits, default=0))
    ten = mpmath.mpf(10)
    return Scale(95 + 2 * small + 3 * large, ten ** -(35 + small + large), ten ** -(40 + small + large))


def _decimals(bits: int) -> int:
    return int(max(bits, 0) * 0.30103) + 1


def sides(function: Callable[[Number], Number], at: Number, value: Number, scale: Scale) -> Sides:
    """The slopes of `function` on the left and on the right of `at`, where it is `value`."""
    if not mpmath.isfinite(value):
        return UNKNOWN
    step = scale.step
    left, right = _pair(function, at, value, step, scale.floor)
    if mpmath.isfinite(left) and mpmath.isfinite(right) and same(left, right) and _of_middle_size(left, step):
        return Sides((left + right) / 2, (left + right) / 2)
    nearer = _pair(function, at, value, step * CLOSER, scale.floor)
    return Sides(_limit(left, nearer[0]), _limit(right, nearer[1]))


def _of_middle_size(slope: Number, step: Number) -> bool:
    """Whether a slope can be one: those of x*abs(x) and cbrt(x) at 0 are equal too, and change with the step."""
    return bool(slope == 0 or (step < abs(slope) * CLOSER and slope**2 * step < 1))


def _pair(function: Callable[[Number], Number], at: Number, value: Number, step: Number, floor: Number) -> list[Number]:
    slopes = (value - function(at - step)) / step, (function(at + step) - value) / step
    return [mpmath.mpf(0) if abs(slope) < floor else slope for slope in slopes]


def _limit(slope: Number, nearer: Number) -> Number:
    """What a slope tends to when the step shrinks: a number, 0, infinite, or nan for none."""
    if not (mpmath.isfinite(slope) and mpmath.isfinite(nearer)):
        return mpmath.nan
    if abs(nearer) < abs(slope) * SHRINKS:
        return mpmath.mpf(0)
    if abs(nearer) > abs(slope) * GROWS:
        return mpmath.inf * mpmath.sign(nearer)
    return nearer
