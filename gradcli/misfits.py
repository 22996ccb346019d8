"""Dimension analysis: what two shapes that do not fit are, and the one repair that makes them fit."""

from __future__ import annotations

import re

from gradcli.dimensions import Misfit, Shape, broadcast, shown


def product(text: str, names: list[str], shapes: list[Shape], sources: list[str]) -> tuple[str, str]:
    """Message and hint for a product A @ B whose inner dimensions differ. sources: as for `stretched`."""
    left, right = shapes
    inner = right[-2] if len(right) > 1 else right[0]
    what = f"{text} with {names[0]} {shown(left)} and {names[1]} {shown(right)}"
    message = f"{what}: inner dimensions {left[-1]} and {inner} differ"
    return message, _repair(names, left, right)


def _repair(names: list[str], left: Shape, right: Shape) -> str:
    """The transposes, or else the order, that would fit: named only where there is one way with the fewest changes."""
    first, second = (_operand(name) for name in names)
    transposed = [
        (f"{first} @ {_turned(second)}", left, right[::-1]),
        (f"{_turned(first)} @ {second}", left[::-1], right),
    ]
    swapped = [(f"{second} @ {first}", right, left)]
    both = [(f"{_turned(first)} @ {_turned(second)}", left[::-1], right[::-1])]
    for ways in (transposed, swapped, both):
        fitting = {way: _result(a, b) for way, a, b in ways if _fits(a, b, left, right)}
        if len(fitting) == 1:
            ((way, shape),) = fitting.items()
            return f"{way} would fit ({shown(shape)})"
        if fitting:
            return " or ".join(fitting) + " would fit"
    return ""


def _fits(a: Shape, b: Shape, left: Shape, right: Shape) -> bool:
    if len(left) > 2 or len(right) > 2 or (a, b) == (left, right):
        return False
    return a[-1] == b[0]


def _result(a: Shape, b: Shape) -> Shape:
    return (*a[:-1], *b[1:])


def _operand(name: str) -> str:
    return name if re.fullmatch(r"[\w.\[\]]+|\(.*\)|\w+\(.*\)", name) else f"({name})"


def _turned(name: str) -> str:
    return name[:-2] if name.endswith(".T") else f"{name}.T"


def stretched(text: str, names: list[str], shapes: list[Shape], sources: list[str]) -> tuple[str, str]:
    """Message and hint for operands that do not broadcast. sources: how operands are written where made."""
    arrays = [(name, shape, source) for name, shape, source in zip(names, shapes, sources, strict=True) if shape]
    pairs = ((first, other) for place, first in enumerate(arrays) for other in arrays[place + 1 :])
    first, second = next(pair for pair in pairs if not _broadcasts(pair[0][1], pair[1][1]))
    left, right = first[1], second[1]
    place = next(place for place in range(1, 9) if not _broadcasts(left[-place:], right[-place:]))
    axes = "the last axis" if place == 1 else f"axis {-place}"
    listed = " and ".join(f"{name} {shown(shape)}" for name, shape, _ in arrays)
    return f"{text} with {listed}: sizes {left[-place]} and {right[-place]} of {axes} differ", _stretch(first, second)


def _broadcasts(left: Shape, right: Shape) -> bool:
    try:
        broadcast([left, right])
    except Misfit:
        return False
    return True


def _stretch(first: tuple[str, Shape, str], second: tuple[str, Shape, str]) -> str:
    """What makes two operands broadcast: a column of a vector, or a transpose of the second or the first."""
    for (name, shape, source), (_, other, _) in ((second, first), (first, second)):
        if len(shape) == 1 and len(other) == 2 and shape[0] == other[0]:
            kept = re.fullmatch(r"(.*\baxis *= *-?\d+ *|(?:np\.)\w+\(.*, *\d+ *)\)", source)
            column = f"{kept[1]}, keepdims=True)" if kept else f"{_operand(name)}[:, None]"
            return f"{column} would fit ({shape[0]}x1)"
    for (name, shape, _), (_, other, _) in ((second, first), (first, second)):
        if len(shape) == 2 and _broadcasts(shape[::-1], other):
            return f"{_turned(_operand(name))} would fit ({shown(shape[::-1])})"
    return ""
