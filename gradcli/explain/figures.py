"""Numbers as an explanation shows them: five digits, and sums that add up as they stand or say that they do not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import ceil, floor, isfinite, log10

DIGITS = 5


def shown(number: float, digits: int = DIGITS) -> str:
    """A number in five significant digits, no zeros behind: 1.5832, -4, 1.0e-06 as 1e-06."""
    return f"{number + 0.0:.{digits}g}"


def factor(number: float, digits: int = DIGITS) -> str:
    """A number as a factor behind `*`: a negative one in parentheses."""
    return f"({shown(number, digits)})" if number < 0 else shown(number, digits)


def given(number: float) -> str:
    """A number that somebody wrote: as it is if that is short."""
    short = shown(number, 9)
    return short if float(short) == number else shown(number)


def digits_for(largest: float, difference: float) -> int:
    """How many digits numbers need so that a small difference between them is seen."""
    if not (isfinite(largest) and isfinite(difference) and largest and difference):
        return DIGITS
    return max(DIGITS, min(17, 2 + ceil(log10(abs(largest)) - log10(abs(difference)))))


def is_rounded(number: float) -> bool:
    """Whether what is shown of a number is not all of it."""
    return isfinite(number) and float(shown(number)) != number


def percent(part: float) -> str:
    """A share in per cent, with its sign."""
    return f"{part:+.3g}%"


def total(terms: Sequence[tuple[str, float]], result: float) -> str:
    """`1.5832 via xpy - 0.0358 via sigx ≈ 1.5475`: all with as many decimals, and `=` only if that adds up.

    terms: what is added and through which stage.
    """
    numbers = [*(amount for _, amount in terms), result]
    if not all(map(isfinite, numbers)):
        return f"{_joined(terms, [shown(abs(amount)) for _, amount in terms])} = {shown(result)}"
    decimals = _decimals(numbers)
    if decimals is None:
        texts = [f"{abs(amount):.{DIGITS - 1}e}" for _, amount in terms]
        return f"{_joined(terms, texts)} ≈ {result:.{DIGITS - 1}e}"
    texts = [f"{abs(amount):.{decimals}f}" for _, amount in terms]
    end = f"{result + 0.0:.{decimals}f}"
    signs = [1 if amount >= 0 else -1 for _, amount in terms]
    added = sum((sign * Decimal(text) for sign, text in zip(signs, texts, strict=True)), Decimal())
    return f"{_joined(terms, texts)} {'=' if added == Decimal(end) else '≈'} {end}"


def _joined(terms: Sequence[tuple[str, float]], texts: Sequence[str]) -> str:
    parts = []
    for place, ((name, amount), text) in enumerate(zip(terms, texts, strict=True)):
        minus = amount < 0
        sign = ("-" if minus else "") if place == 0 else (" - " if minus else " + ")
        parts.append(f"{sign}{text} via {name}")
    return "".join(parts)


def _decimals(numbers: Sequence[float]) -> int | None:
    """Decimals that give the largest number five digits, none more than any number needs; None beyond fixed point."""
    largest = max(map(abs, numbers))
    if largest == 0:
        return 0
    place = floor(log10(largest))
    if not -5 < place < 9:
        return None
    decimals = max(0, DIGITS - 1 - place)
    while decimals and all(float(f"{number:.{decimals - 1}f}") == number for number in numbers):
        decimals -= 1
    return decimals
