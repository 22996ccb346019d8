"""Elementary functions on floats by the rules of IEEE 754: total, where Python's math raises.

Outside its domain a function is nan, at a pole it is infinite, beyond the largest float it is infinite.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import copysign, inf, isnan, nan


def divide(a: float, b: float) -> float:
    """a / b; 1/0 is inf, 1/-0.0 is -inf, 0/0 is nan."""
    try:
        return a / b
    except ZeroDivisionError:
        return nan if a == 0 or isnan(a) else copysign(inf, a) * copysign(1.0, b)


def power(a: float, b: float) -> float:
    """a ** b; a negative base with an exponent that is not whole is nan."""
    try:
        return math.pow(a, b)
    except OverflowError:
        return -inf if a < 0 and b % 2 == 1 else inf
    except ValueError:
        if a != 0:
            return nan
        return copysign(inf, a) if b % 2 == 1 else inf


def _total(
    function: Callable[[float], float], overflow: float = inf, poles: dict[float, float] | None = None
) -> Callable[[float], float]:
    """`function` with its poles, and nan where it would raise ValueError."""

    def total(x: float) -> float:
        try:
            return function(x)
        except OverflowError:
            return overflow
        except ValueError:
            return (poles or {}).get(x, nan)

    return total


def sinh(x: float) -> float:
    """Hyperbolic sine; infinite with the sign of x beyond the largest float."""
    try:
        return math.sinh(x)
    except OverflowError:
        return copysign(inf, x)


def sqrt(x: float) -> float:
    """Square root; +0.0 at -0.0 too, so that its slope 0.5 / sqrt(x) is +inf there as at 0."""
    return math.sqrt(x) + 0.0 if x >= 0 else nan


def sign(x: float) -> float:
    """-1, 0 or 1; nan stays nan and a zero keeps its sign."""
    return x if x == 0 or isnan(x) else copysign(1.0, x)


def floor(x: float) -> float:
    """The largest whole number not above x, as a float; infinities and -0.0 stay."""
    return float(math.floor(x)) if math.isfinite(x) and x % 1 else x


def ceil(x: float) -> float:
    """The smallest whole number not below x, as a float; infinities and -0.0 stay."""
    return -floor(-x)


def maximum(*operands: float) -> float:
    """The largest operand; nan if one is nan."""
    return nan if any(isnan(x) for x in operands) else max(operands)


def minimum(*operands: float) -> float:
    """The smallest operand; nan if one is nan."""
    return nan if any(isnan(x) for x in operands) else min(operands)


exp = _total(math.exp)
expm1 = _total(math.expm1)
cosh = _total(math.cosh)
log = _total(math.log, poles={0.0: -inf})
log2 = _total(math.log2, poles={0.0: -inf})
log10 = _total(math.log10, poles={0.0: -inf})
log1p = _total(math.log1p, poles={-1.0: -inf})
sin = _total(math.sin)
cos = _total(math.cos)
tan = _total(math.tan)
asin = _total(math.asin)
acos = _total(math.acos)
acosh = _total(math.acosh)
atanh = _total(math.atanh, poles={1.0: inf, -1.0: -inf})

# By the names of their gates.
FUNCTIONS: dict[str, Callable[..., float]] = {
    "abs": math.fabs, "acos": acos, "acosh": acosh, "asin": asin, "asinh": math.asinh, "atan": math.atan,
    "atan2": math.atan2, "atanh": atanh, "cbrt": math.cbrt, "ceil": ceil, "cos": cos, "cosh": cosh, "erf": math.erf,
    "erfc": math.erfc, "exp": exp, "expm1": expm1, "floor": floor, "hypot": math.hypot, "log": log, "log10": log10,
    "log1p": log1p, "log2": log2, "max": maximum, "min": minimum, "sign": sign, "sin": sin, "sinh": sinh, "sqrt": sqrt,
    "tan": tan, "tanh": math.tanh,
}  # fmt: skip
