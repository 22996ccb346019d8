"""Shapes of results from shapes of operands, gate by gate; what is wrong where they do not fit.

A shape is a tuple of dimensions: whole numbers, or names where a shape was declared by letters (m x n).
A bound of a slice is taken to lie inside a dimension that is a letter: X[1:] of n rows has n - 1.
"""

from __future__ import annotations

from collections.abc import Sequence

from gradcli.array_gates import Slice
from gradcli.sizes import Dim, minus, plus, quotient, times

Shape = tuple[Dim, ...]


class Misfit(Exception):
    """Operands do not fit: a message without a place, and what would fit."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def shown(shape: Shape) -> str:
    """A shape in a message: 5x10, (3), a number."""
    if not shape:
        return "a number"
    if len(shape) == 1:
        return f"a vector of {shape[0]}"
    return "x".join(f"({size})" if " " in str(size) else str(size) for size in shape)


def written(shape: Shape) -> str:
    """A shape as NumPy writes it: (5, 10), (3,)."""
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def broadcast(shapes: Sequence[Shape]) -> Shape:
    """The common shape of operands, as NumPy stretches them. Raises Misfit."""
    result: list[Dim] = []
    for place in range(1, max(map(len, shapes), default=0) + 1):
        sizes = {shape[-place] for shape in shapes if len(shape) >= place} - {1}
        if len(sizes) > 1:
            raise Misfit("")
        result.append(sizes.pop() if sizes else 1)
    return tuple(reversed(result))


def axes_of(axis: object, shape: Shape) -> tuple[int, ...]:
    """The axes that a reduction runs over, counted from the front. Raises Misfit."""
    if axis is None:
        return tuple(range(len(shape)))
    found = []
    for one in axis if isinstance(axis, tuple) else (axis,):
        assert isinstance(one, int)
        if not -len(shape) <= one < len(shape):
            about = f"axes run from 0 to {len(shape) - 1}" if shape else "a number has no axes"
            about = "axis=0 would fit" if len(shape) == 1 and not isinstance(axis, tuple) else about
            raise Misfit(f"there is no axis {one} in an array of shape {written(shape)}", about)
        if one % len(shape) in found:
            raise Misfit(f"axis {one} is given twice")
        found.append(one % len(shape))
    return tuple(found)


def reduced(shape: Shape, axis: object, keepdims: object) -> Shape:
    """The shape of a reduction."""
    axes = axes_of(axis, shape)
    if keepdims:
        return tuple(1 if place in axes else size for place, size in enumerate(shape))
    return tuple(size for place, size in enumerate(shape) if place not in axes)


def reshaped(shape: Shape, wanted: tuple[object, ...]) -> Shape:
    """The shape that reshape gives, -1 filled in. wanted: dimensions. Raises Misfit."""
    count = times(*shape)
    sizes = [size for size in wanted if isinstance(size, int | str)]
    known = times(*(size for size in sizes if size != -1))
    if sizes.count(-1) > 1 or any(isinstance(size, int) and size < -1 for size in sizes):
        raise Misfit(f"{written(tuple(sizes))} is no shape", "one dimension may be -1: what is left over")
    left = quotient(count, known) if known != 0 and -1 in sizes else None
    if left is not None:
        return tuple(left if size == -1 else size for size in sizes)
    if -1 in sizes or known != count:
        raise Misfit(f"{count} entries ({shown(shape)}) do not fill the shape {written(tuple(sizes))}")
    return tuple(sizes)


def indexed(shape: Shape, index: tuple[object, ...], picked: Sequence[Shape]) -> Shape:
    """The shape of A[index]. picked: the shapes of the arrays of whole numbers in it, in order. Raises Misfit."""
    count = sum(entry is not None for entry in index)
    if count > len(shape):
        what = "a number" if not shape else f"an array of shape {written(shape)}"
        raise Misfit(f"{what} has no element with {count} {'index' if count == 1 else 'indices'}")
    result: list[Dim] = []
    rows: Shape = ()
    first: int | None = None
    apart = False
    waiting = list(picked)
    sizes = iter(shape)
    for place, entry in enumerate(index):
        if entry is None:
            result.append(1)
            continue
        size = next(sizes)
        if isinstance(entry, Slice):
            result.append(_slice_size(size, entry))
            continue
        if isinstance(entry, int) and isinstance(size, int) and not -size <= entry < size:
            about = f"indices run from 0 to {size - 1}" if size else "it is empty"
            axis = sum(before is not None for before in index[:place])
            raise Misfit(f"there is no entry {entry} along axis {axis} of shape {written(shape)}", about)
        if isinstance(entry, int) and not picked:
            continue
        if not isinstance(entry, int):
            try:
                rows = broadcast([rows, waiting.pop(0)])
            except Misfit:
                raise Misfit("the arrays that pick entries differ in length") from None
        apart = apart or (first is not None and (index[place - 1] is None or isinstance(index[place - 1], Slice)))
        first = len(result) if first is None else first
    at = 0 if apart else first or 0
    return (*result[:at], *rows, *result[at:], *sizes)


def _slice_size(size: Dim, entry: Slice) -> Dim:
    if entry.step == 0:
        raise Misfit("the step of a slice is 0")
    if all(bound is None or isinstance(bound, int) for bound in entry) and isinstance(size, int):
        return len(range(*slice(*entry).indices(size)))
    if (entry.start, entry.stop) == (None, None) and entry.step in (None, 1, -1):
        return size
    if entry.step not in (None, 1):
        raise Misfit("a slice with a step needs a number for its dimension", "declare the dimension as a number")
    begin, end = _bound(entry.start, 0, size), _bound(entry.stop, size, size)
    length = minus(end, begin)
    return max(length, 0) if isinstance(length, int) else length


def _bound(bound: object, default: Dim, size: Dim) -> Dim:
    """A bound of a slice, counted from the front."""
    if not isinstance(bound, int | str):
        return default
    return plus(size, bound) if isinstance(bound, int) and bound < 0 else bound
