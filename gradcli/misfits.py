"""Dimension analysis: what two shapes that do not fit are, and the one repair that makes them fit."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from gradcli.dimensions import Misfit, Shape, broadcast, reshaped, shown, written
from gradcli.sizes import plus


def product(text: str, names: list[str], shapes: list[Shape], sources: list[str]) -> tuple[str, str]:
    """Message and hint for a product A @ B whose inner dimensions differ. sources: as for `stretched`."""
    left, right = shapes
    inner = right[-2] if len(right) > 1 else right[0]
    what = f"{text} with {names[0]} {shown(left)} and {names[1]} {shown(right)}"
    message = f"{what}: inner dimensions {left[-1]} and {inner} differ"
    return message, _repair(names, left, right)


def _repair(names: list[str], left: Shape, right: Shape) -> str:
    """The transposes, or else the order, that would fit: named only where there is one way with the fewest changes."""
    if len(left) == len(right) == 1:
        return _outer(names, left, right)
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


def _outer(names: list[str], left: Shape, right: Shape) -> str:
    """Two vectors of different length have one product."""
    return f"outer({names[0]}, {names[1]}) would fit ({shown((*left, *right))})"


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


# -- gates that say themselves what is wrong ----------------------------------------------

Settings = Mapping[str, object]


def repaired(gate: str, names: list[str], shapes: list[Shape], settings: Settings) -> str:
    """What would fit instead of a gate of arrays that does not, tried on the shapes; nothing if no one way does."""
    return REPAIRS[gate](names, shapes, settings) if gate in REPAIRS else ""


def _joined(names: list[str], shapes: list[Shape], settings: Settings) -> str:
    """Another axis to join along, or an axis more for the operands that have one less."""
    rank = max(map(len, shapes))
    place = settings["axis"]
    if all(len(shape) == rank for shape in shapes):
        fitting = {axis: shape for axis in range(rank) if (shape := _along(shapes, axis))}
        if len(fitting) == 1:
            ((axis, shape),) = fitting.items()
            return f"axis={axis} would fit ({shown(shape)})"
        return ""
    if not isinstance(place, int) or not -rank <= place < rank or any(len(shape) < rank - 1 for shape in shapes):
        return ""
    place %= rank
    grown = [shape if len(shape) == rank else (*shape[:place], 1, *shape[place:]) for shape in shapes]
    shape = _along(grown, place)
    index = f"[{':, ' * place}None]"
    short = [_operand(name) + index for name, own in zip(names, shapes, strict=True) if len(own) < rank]
    return f"{' and '.join(dict.fromkeys(short))} would fit ({shown(shape)})" if shape else ""


def _along(shapes: list[Shape], axis: int) -> Shape | None:
    """The shape of arrays of one rank joined along an axis; None where they do not join."""
    first = shapes[0]
    if len({(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}) > 1:
        return None
    return (*first[:axis], plus(*(shape[axis] for shape in shapes)), *first[axis + 1 :])


def _stacked(names: list[str], shapes: list[Shape], settings: Settings) -> str:
    """Arrays of one rank that differ in length are joined instead."""
    shape = _along(shapes, 0) if all(shapes) and len(set(map(len, shapes))) == 1 else None
    return f"concatenate([{', '.join(names)}]) would fit ({shown(shape)})" if shape else ""


def _refilled(names: list[str], shapes: list[Shape], settings: Settings) -> str:
    """The one size that has to give way."""
    sizes = settings["shape"]
    if not isinstance(sizes, tuple) or not all(isinstance(size, int) and size != -1 for size in sizes):
        return ""
    fitting = {}
    for place in range(len(sizes)):
        wanted = (*sizes[:place], -1, *sizes[place + 1 :])
        try:
            fitting[wanted] = reshaped(shapes[0], wanted)
        except Misfit:
            continue
    if len(fitting) != 1:
        return ""
    ((wanted, shape),) = fitting.items()
    return f"{written(wanted)} would fit ({shown(shape)})"


def _solved(names: list[str], shapes: list[Shape], settings: Settings) -> str:
    """The transpose of a right side whose columns are as many as the matrix has rows."""
    left, right = shapes
    if len(left) == len(right) == 2 and left[0] == left[1] == right[1]:
        return f"{_turned(_operand(names[1]))} would fit ({shown(right[::-1])})"
    return ""


REPAIRS: dict[str, Callable[[list[str], list[Shape], Settings], str]] = {
    "concatenate": _joined,
    "stack": _stacked,
    "reshape": _refilled,
    "solve": _solved,
}
