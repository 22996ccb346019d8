"""Many points at once: arrays in, an array of values and arrays of gradients out, by the kernel of `eval --data`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcli.batch.kernel import kernel
from gradcli.errors import PointMistake
from gradcli.graph import Input
from gradcli.naming import Names
from gradcli.point import Point, unused_names
from gradcli.program import Program, base_of

Array = NDArray[np.float64]
ROWS = 4096  # at a time, so that the numbers of all stages stay in the cache


class Points:
    """A program of numbers, to be computed at many points."""

    def __init__(self, program: Program, names: Names, ties: str, wrt: Sequence[str] | None) -> None:
        self.program = program
        self.names = names
        self.output = program.graph.output
        self.wrt = program.variables if wrt is None else wrt
        self.compute = kernel(program, names, ties, wrt)

    def at(self, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """Value and gradients at the points, in their common shape; behind it each gradient has the shape of its input.

        values: by variable, arrays that fit together by broadcasting; of a variable with elements the last axes are
        its own. Raises PointMistake.
        """
        unused_names(self.program, dict.fromkeys(self.program.variables), Point(dict(values), frozenset()))
        arrays = {name: _array(name, value) for name, value in values.items()}
        ranks = {base_of(leaf): len(_places(leaf.static)) for leaf in self.program.inputs}
        shape = _common({name: array.shape[: array.ndim - ranks[name]] for name, array in arrays.items()})
        flat = {
            str(leaf.static): np.broadcast_to(_entry(arrays[base_of(leaf)], leaf.static), shape).ravel()
            for leaf in self.program.inputs
        }
        found = self._in_blocks(flat, int(np.prod(shape)))
        gradient = {name: self._gradient(name, arrays[name], ranks[name], shape, found) for name in self.wrt}
        return found[self.output].reshape(shape), gradient

    def _in_blocks(self, flat: Mapping[str, Array], rows: int) -> dict[str, Array]:
        wanted = [self.names.gradient_of(leaf) for leaf in self.program.inputs if base_of(leaf) in self.wrt]
        found = {name: np.zeros(rows) for name in (self.output, *wanted)}
        for start, block in _blocks(flat, rows):
            numbers = self.compute(block)
            for name, whole in found.items():
                whole[start : start + ROWS] = numbers[name]
        return found

    def _gradient(
        self, name: str, array: Array, rank: int, shape: tuple[int, ...], found: Mapping[str, Array]
    ) -> Array:
        """The gradient of a variable; an element that the program does not use has gradient 0."""
        whole: Array = np.zeros(shape + array.shape[array.ndim - rank :])
        for leaf in self.program.inputs:
            if base_of(leaf) == name:
                whole[_index(leaf.static)] = found[self.names.gradient_of(leaf)].reshape(shape)
        return whole


def _blocks(flat: Mapping[str, Array], rows: int) -> Iterator[tuple[int, dict[str, Array]]]:
    for start in range(0, rows, ROWS):
        yield start, {name: numbers[start : start + ROWS] for name, numbers in flat.items()}


def _array(name: str, value: Any) -> Array:
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise PointMistake(f"the value of '{name[:60]}' is no array of numbers") from None


def _places(leaf: object) -> tuple[int, ...]:
    assert isinstance(leaf, Input)
    return leaf.places


def _index(leaf: object) -> Any:
    return (..., *_places(leaf))


def _entry(array: Any, leaf: object) -> Array:
    """The numbers of one element of a variable, shape (points,)."""
    places = _places(leaf)
    try:
        found: Array = array[_index(leaf)]
    except IndexError:
        sizes = array.shape[max(0, array.ndim - len(places)) :]
        raise PointMistake(f"the last axes of '{leaf}' have the shape {sizes}, and it is beyond them") from None
    return found


def _common(shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*shapes.values())
    except ValueError:
        told = ", ".join(f"{name} {shape}" for name, shape in list(shapes.items())[:8])
        raise PointMistake(f"the shapes of the points do not fit together: {told}"[:300]) from None
