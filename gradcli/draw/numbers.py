"""Numbers as a picture shows them, beside what they are exactly."""

from __future__ import annotations

from math import hypot, isfinite
from typing import Any, NamedTuple


class Reading(NamedTuple):
    """shown: as few digits as a wire has room for; exact: all digits, or what an array is."""

    shown: str
    exact: str


def reading(value: Any, shape: tuple[int | str, ...] = ()) -> Reading:
    """A number, or an array by its shape and its norm. value: a float or nested lists."""
    if not isinstance(value, list):
        return Reading(rounded(value), repr(value))
    norm = hypot(*_entries(value))
    return Reading(f"‖{rounded(norm)}‖", f"an array {times(shape)} of norm {norm!r}")


def times(shape: tuple[int | str, ...]) -> str:
    """A shape: 5×10, 3 for a vector of three."""
    return "×".join(map(str, shape))


def rounded(number: float) -> str:
    """Two digits behind the point, as the note has them; of a small or a large number three digits."""
    if not isfinite(number):
        return str(number)
    size = abs(number)
    if number == int(number) and size < 1e6:
        return str(int(number))
    if 0.1 <= size < 1e5:
        return f"{number:.2f}" if size < 1000 else f"{number:.1f}"
    mantissa, e, exponent = f"{number:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if e else mantissa


def _entries(value: Any) -> list[float]:
    if not isinstance(value, list):
        return [value]
    return [entry for part in value for entry in _entries(part)]
