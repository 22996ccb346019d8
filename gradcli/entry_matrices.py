"""Products and gates of whole matrices, as gates of numbers on their entries; no rule for any slope stands here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcli.array_elementwise import Array
from gradcli.entry_writer import TooLarge, Writer
from gradcli.graph import Node


def _matmul(to: Writer, A: Array, B: Array) -> Array:
    """Of matrices, of vectors, or of stacks of matrices."""
    if np.ndim(A) > 2 or np.ndim(B) > 2:
        rest = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        left, right = (np.broadcast_to(M, (*rest, *M.shape[-2:])) for M in (A, B))
        return [_matmul(to, left[at], right[at]) for at in np.ndindex(rest)]
    rows, columns = np.atleast_2d(A), np.atleast_2d(B.T)
    return [
        to.sum(to.make("mul", a, b) for a, b in zip(row, column, strict=True)) for row in rows for column in columns
    ]


def _det(to: Writer, A: Array) -> Node:
    """Laplace's expansion along the rows, each minor once: no division, right also where A is singular."""
    size = len(A)
    minors: dict[tuple[int, ...], Node] = {}

    def minor(columns: tuple[int, ...]) -> Node:
        row = A[size - len(columns)]
        if len(columns) == 1:
            return row[columns[0]]  # type: ignore[no-any-return]
        if columns not in minors:
            minors[columns] = _signed(
                to, [(row[j], minor((*columns[:at], *columns[at + 1 :]))) for at, j in enumerate(columns)]
            )
        return minors[columns]

    if size > 12:
        raise TooLarge
    return minor(tuple(range(size))) if size else to.number(1)


def _signed(to: Writer, pairs: list[tuple[Node, Node]]) -> Node:
    """a*b - c*d + e*f ..."""
    first, *others = [to.make("mul", a, b) for a, b in pairs]
    for place, term in enumerate(others):
        first = to.make("add" if place % 2 else "sub", first, term)
    return first


def _cofactor(to: Writer, A: Array, row: int, column: int) -> Node:
    minor = _det(to, np.delete(np.delete(A, row, 0), column, 1))
    return to.make("neg", minor) if (row + column) % 2 else minor


def _solved(to: Writer, A: Array, columns: Array | None) -> list[Node]:
    """Cramer's rule: the adjugate over the determinant, and times the columns if there are any."""
    size = len(A)
    if size > 8:
        raise TooLarge
    total = _det(to, A)
    adjugate = [[_cofactor(to, A, j, i) for j in range(size)] for i in range(size)]
    if columns is not None:
        adjugate = [
            [to.sum(to.make("mul", a, b) for a, b in zip(row, column, strict=True)) for column in columns.T]
            for row in adjugate
        ]
    return [to.make("div", entry, total) for row in adjugate for entry in row]


Defined = Callable[[Writer, list[Array], Mapping[str, Any], tuple[int, ...]], Any]  # static parameters, shape
MATRICES: dict[str, Defined] = {
    **dict.fromkeys(
        ("matmul", "dot", "matvec", "vecmat", "bmm"),
        lambda to, operands, settings, shape: _matmul(to, operands[0], operands[1]),
    ),
    "outer": lambda to, operands, settings, shape: [to.make("mul", a, b) for a in operands[0] for b in operands[1]],
    "trace": lambda to, operands, settings, shape: to.sum(operands[0].diagonal()),
    "det": lambda to, operands, settings, shape: _det(to, operands[0]),
    "inv": lambda to, operands, settings, shape: _solved(to, operands[0], None),
    "solve": lambda to, operands, settings, shape: _solved(to, operands[0], operands[1]),
    "solve_vector": lambda to, operands, settings, shape: _solved(to, operands[0], operands[1][:, None]),
    "shape": lambda to, operands, settings, shape: [to.number(size) for size in np.shape(operands[0])],
    "extent": lambda to, operands, settings, shape: to.number(np.shape(operands[0])[settings["axis"]]),
    "arange": lambda to, operands, settings, shape: [to.number(place) for place in range(shape[0])],
}
