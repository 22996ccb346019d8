"""Arithmetic with dimensions: whole numbers, names, and what is worked out from names (`n - 1`, `C*H*W`).

A dimension with names in it is the text of a polynomial with whole coefficients, always written the same way:
so two that are equal are equal as texts. Nothing is known of a name but that it is a whole number.
"""

from __future__ import annotations

import re
from collections import Counter
from math import prod

Dim = int | str
Terms = dict[tuple[str, ...], int]  # for each product of names, sorted, how often it is taken


def plus(*sizes: Dim) -> Dim:
    """The sum."""
    found: Counter[tuple[str, ...]] = Counter()
    for size in sizes:
        found.update(_terms(size))
    return _written(found)


def times(*sizes: Dim) -> Dim:
    """The product, 1 of none."""
    numbers = [size for size in sizes if isinstance(size, int)]
    found: Terms = {(): prod(numbers)}
    for size in sizes:
        if isinstance(size, str):
            found = _multiplied(found, _terms(size))
    return _written(found)


def minus(left: Dim, right: Dim) -> Dim:
    """The difference."""
    return plus(left, times(-1, right))


def quotient(whole: Dim, part: Dim) -> Dim | None:
    """The whole number by which `part` is to be multiplied to give `whole`; None if there is none, or many."""
    divisor = _terms(part)
    if len(divisor) != 1:
        return 1 if whole == part and part != 0 else None
    ((names, count),) = divisor.items()
    found: Terms = {}
    for own, times_taken in _terms(whole).items():
        rest = Counter(own)
        rest.subtract(names)
        if times_taken % count or any(left < 0 for left in rest.values()):
            return None
        found[tuple(sorted(rest.elements()))] = times_taken // count
    return _written(found)


def _multiplied(left: Terms, right: Terms) -> Terms:
    found: Counter[tuple[str, ...]] = Counter()
    for first, one in left.items():
        for second, other in right.items():
            found[tuple(sorted(first + second))] += one * other
    return found


def _terms(size: Dim) -> Terms:
    if isinstance(size, int):
        return {(): size} if size else {}
    found: Terms = {}
    for sign, product in re.findall(r"(^-?|[+-] )([\w*]+)", size):
        factors = product.split("*")
        count = int(factors.pop(0)) if factors[0].isdigit() else 1
        found[tuple(factors)] = -count if "-" in sign else count
    return found


def _written(terms: Terms) -> Dim:
    """Longer products first, then by name; a number last."""
    kept = {names: count for names, count in terms.items() if count}
    if not kept or kept.keys() == {()}:
        return kept.get((), 0)
    text = ""
    for names, count in sorted(kept.items(), key=lambda term: (-len(term[0]), term[0])):
        factors = "*".join([*([str(abs(count))] if abs(count) != 1 or not names else []), *names])
        sign = "-" if count < 0 else "+"
        text += f" {sign} {factors}" if text else factors if count > 0 else f"-{factors}"
    return text
