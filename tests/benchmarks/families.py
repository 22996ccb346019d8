"""The expressions that grow: each family gives a text with about n operands, and a point."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin
from random import Random

Family = tuple[str, dict[str, float]]
NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"


def product(n: int) -> Family:
    """x1*x2*...: every gradient is a product of all the others."""
    point = {f"x{i}": 1 + 0.5 * sin(i + 1) / n for i in range(1, n + 1)}
    return "*".join(point), point


def chain(n: int) -> Family:
    """sigmoid(w1*sigmoid(w2*...)): as deep as it is long."""
    point = {f"w{i}": 2 + cos(i) for i in range(1, n + 1)}
    return "*".join(f"sigmoid({name}" for name in point) + ")" * n, point


def total(n: int) -> Family:
    """x1 + x2 + ...: one line for a person, and cut where it is long."""
    point = {f"x{i}": 1 + i / n for i in range(1, n + 1)}
    return " + ".join(point), point


def tree(n: int) -> Family:
    """A balanced tree of about n gates drawn at random, over ten variables; sin keeps the values small."""
    draw = Random(1)
    point = {f"x{i}": 0.3 + 0.1 * i for i in range(1, 11)}
    names = list(point)
    used = set()

    def grown(gates: int) -> str:
        if gates < 1:
            name = draw.choice(names)
            used.add(name)
            return name
        kind = draw.randrange(7)
        if kind == 0:
            return f"sin({grown(gates - 1)})"
        if kind == 1:
            return f"exp(sin({grown(gates - 2)}))"
        half = (gates - 1) // 2
        if kind == 2:
            return f"max({grown(half)}, {grown(gates - 1 - half)})"
        if kind == 3:
            return f"({grown(half)}) * sin({grown(gates - 2 - half)})"
        if kind == 4:
            return f"({grown(half)}) / (2.0 + sin({grown(gates - 3 - half)}))"
        return f"({grown(half)} {'+-'[kind - 5]} ({grown(gates - 1 - half)}))"

    text = grown(n)
    return text, {name: x for name, x in point.items() if name in used}


def note(n: int) -> Family:
    """The function of the CS231n note, whatever n is."""
    return NOTE, {"x": 3.0, "y": -4.0}


FAMILIES: dict[str, Callable[[int], Family]] = {
    "product": product,
    "chain": chain,
    "sum": total,
    "tree": tree,
    "note": note,
}
