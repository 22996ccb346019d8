"""A program over arrays as the same program over numbers: every entry of every stage written out.

The definitions of the gates of arrays stand here entry by entry, without a rule for any slope: what holds a
gradient against another source takes the program in this form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from gradcli.array_gates import is_array_gate
from gradcli.array_values import FUNCTIONS, settings_of
from gradcli.gates import GATES, INPUT, NUMBER
from gradcli.graph import Graph, Input, Node
from gradcli.program import Program

Array = Any  # of nodes, or of numbers
MOVING = ("transpose", "permute", "reshape", "index", "concatenate", "stack", "mT")
PICKING = ("pick", "pick2")
KEEPING = ("softmax", "log_softmax", "cumsum")  # along axes, and all axes stay


class TooLarge(Exception):
    """More gates than were allowed."""


class Entries(NamedTuple):
    """program: over numbers; its lines are the entries of the lines of the program over arrays, the rest is inside.

    of: for each node of the program over arrays, its entries, an array of nodes in its shape.
    """

    program: Program
    of: dict[Node, Array]


def expanded(program: Program, values: Sequence[Any], seed: Any = None, most: int = 100_000) -> Entries:
    """Every entry of a program over arrays as an expression of its own.

    values: of its nodes, by index: which rows are picked, and which entry of a softmax is the largest.
    seed: the gradient that arrives at the output; then the output is the sum of its entries, each times its part
    of the seed. most: gates. Raises TooLarge.
    """
    return _Expanding(program, values, most).run(seed)


class _Expanding:
    """The graph of numbers so far."""

    def __init__(self, program: Program, values: Sequence[Any], most: int) -> None:
        self.program = program
        self.values = values
        self.most = most
        self.graph = Graph()
        self.of: dict[Node, Array] = {}
        self.lines: list[Node] = []
        self.fresh = 0  # nodes before it belong to other stages

    def run(self, seed: Any) -> Entries:
        """Carry over all leaves, then all gates in order."""
        for leaf in self.program.graph.nodes:
            if not leaf.operands:
                self.of[leaf] = self._leaf(leaf)
        for node in self.program.order:
            self.of[node] = self._line(self._gate(node)) if self._is_line(node) else self._gate(node)
            if len(self.graph.nodes) > self.most:
                raise TooLarge
        output = self._output(seed)
        lines = set(self.lines)
        order = [node for node in self.graph.nodes if node.operands]
        inside = bytearray(node not in lines and bool(node.operands) for node in self.graph.nodes)
        lines_in_order = [node for node in order if node in lines]
        return Entries(Program(self.program.text, self.graph, order, lines_in_order, inside, output), self.of)

    def _is_line(self, node: Node) -> bool:
        return not self.program.inside[node.index]

    def _leaf(self, leaf: Node) -> Array:
        if leaf.gate is not INPUT:
            text = str(leaf.static)
            return _array([self.graph.number(text) if leaf.gate is NUMBER else self.graph.constant(text)], ())
        assert isinstance(leaf.static, Input)
        base, places = leaf.static
        shape = tuple(map(int, self.program.shapes[leaf]))
        every = [self._input(base, (*places, *place)) for place in np.ndindex(shape)]
        return _array(every, shape)

    def _input(self, base: str, places: tuple[int, ...]) -> Node:
        return self.graph.element(base, places) if places else self.graph.name(base)

    def _line(self, entries: Array) -> Array:
        """Entries that have a line each: what is a line already, a leaf, or a part of other entries is copied."""
        passed_on = {operand for node in self.graph.nodes[self.fresh :] for operand in node.operands}
        found = _array([self._own(node, passed_on) for node in entries.ravel()], np.shape(entries))
        self.lines.extend(found.ravel())
        return found

    def _own(self, node: Node, passed_on: set[Node]) -> Node:
        shared = not node.operands or node.index < self.fresh or node in passed_on
        return self.graph.copy(node) if shared else node

    def _output(self, seed: Any) -> Node:
        entries = self.of[self.program.output]
        if seed is None:
            output: Node = entries.ravel()[0]
            return output
        parts = [self.graph.number(repr(float(part))) for part in np.ravel(seed)]
        terms = [self.make("mul", part, entry) for part, entry in zip(parts, entries.ravel(), strict=True)]
        self.lines.append(self.sum(terms))
        return self.lines[-1]

    # -- gates ----------------------------------------------------------------------------

    def make(self, name: str, *operands: Node) -> Node:
        """A gate of numbers, new also where an equal one is there: each stage's gradient is its own."""
        return self.graph.alone(GATES[name], operands)

    def number(self, value: float) -> Node:
        """A number."""
        return self.graph.number(repr(value) if value != int(value) else str(int(value)))

    def sum(self, terms: Iterable[Node]) -> Node:
        """a + b + c; 0 for none."""
        return self._folded("add", terms, 0)

    def product(self, factors: Iterable[Node]) -> Node:
        """a * b * c; 1 for none."""
        return self._folded("mul", factors, 1)

    def _folded(self, name: str, parts: Iterable[Node], empty: int) -> Node:
        every = list(parts)
        return reduce(lambda a, b: self.make(name, a, b), every) if every else self.number(empty)

    def _gate(self, node: Node) -> Array:
        """The entries of a gate's result."""
        self.fresh = len(self.graph.nodes)
        operands = [self.of[operand] for operand in node.operands]
        shape = tuple(map(int, self.program.shapes[node]))
        name = node.gate.name
        if not is_array_gate(node.gate):
            entries = np.broadcast_arrays(*operands)
            return _array([self.make(name, *each) for each in zip(*map(np.ravel, entries), strict=True)], shape)
        if name in MOVING:
            return _moved(name, operands, settings_of(node), shape)
        if name in PICKING:
            picks = [np.asarray(self.values[operand.index]) for operand in node.operands[1:]]
            return _moved(name, [operands[0], *picks], settings_of(node), shape)
        if name in _ALONG:
            return self._along(node, operands[0], shape)
        found = _DEFINED[name](self, operands, node)
        return _array(list(np.ravel(found)), shape)

    def _along(self, node: Node, A: Array, shape: tuple[int, ...]) -> Array:
        """A gate that works along axes: on each vector of entries alone."""
        settings = settings_of(node)
        axes = _axes(settings["axis"], np.ndim(A))
        numbers = _vectors(np.asarray(self.values[node.operands[0].index], dtype=float), axes)
        vectors = _vectors(A, axes)
        rest = vectors.shape[:-1]
        found = [_ALONG[node.gate.name](self, list(vectors[at]), numbers[at], settings) for at in np.ndindex(rest)]
        if node.gate.name not in KEEPING:
            return _array([vector[0] for vector in found], shape)
        moved = _array([entry for vector in found for entry in vector], (*rest, vectors.shape[-1]))
        sizes = tuple(np.shape(A)[axis] for axis in axes)
        return np.moveaxis(moved.reshape(*rest, *sizes), range(-len(axes), 0), axes)


def _array(nodes: Sequence[Node], shape: tuple[int, ...]) -> Array:
    found = np.empty(len(nodes), dtype=object)
    found[:] = nodes
    return found.reshape(shape)


def _moved(name: str, operands: Sequence[Array], settings: Mapping[str, Any], shape: tuple[int, ...]) -> Array:
    """Entries in other places."""
    found = FUNCTIONS[name](*operands, **settings)
    return found if isinstance(found, np.ndarray) else _array([found], shape)


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    chosen = range(rank) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    return tuple(one % rank for one in chosen)


def _vectors(A: Array, axes: tuple[int, ...]) -> Array:
    """The entries along some axes as vectors: those axes are the last one."""
    moved = np.moveaxis(A, axes, range(-len(axes), 0))
    return moved.reshape(*moved.shape[: np.ndim(A) - len(axes)], -1)


# -- along axes ---------------------------------------------------------------------------

Along = Callable[[_Expanding, list[Node], Array, Mapping[str, Any]], list[Node]]  # one entry, or as many as there were


def _mean(to: _Expanding, entries: list[Node], ddof: int = 0) -> Node:
    return to.make("div", to.sum(entries), to.number(len(entries) - ddof))


def _var(to: _Expanding, entries: list[Node], ddof: int = 0) -> Node:
    mean = _mean(to, entries)
    return _mean_of_squares(to, [to.make("sub", entry, mean) for entry in entries], ddof)


def _mean_of_squares(to: _Expanding, entries: list[Node], ddof: int) -> Node:
    return to.make("div", _squares(to, entries), to.number(len(entries) - ddof))


def _squares(to: _Expanding, entries: list[Node]) -> Node:
    return to.sum([to.make("pow", entry, to.number(2)) for entry in entries])


def _best(to: _Expanding, name: str, entries: list[Node]) -> Node:
    return to.make(name, *entries) if len(entries) > 1 else entries[0]


def _log_sum(to: _Expanding, entries: list[Node], about: Node) -> Node:
    """log of the sum of exp(entry - about)."""
    return to.make("log", to.sum(to.make("exp", to.make("sub", entry, about)) for entry in entries))


def _largest(entries: list[Node], values: Array) -> Node:
    """The entry that is the largest at the point: what is subtracted so that nothing overflows."""
    return entries[int(np.argmax(np.where(np.isnan(values), -np.inf, values)))]


def _logsumexp(to: _Expanding, entries: list[Node], values: Array) -> Node:
    about = _largest(entries, values)
    return to.make("add", _log_sum(to, entries, about), about)


def _softmax(to: _Expanding, entries: list[Node], values: Array) -> list[Node]:
    about = _largest(entries, values)
    raised = [to.make("exp", to.make("sub", entry, about)) for entry in entries]
    total = to.sum(raised)
    return [to.make("div", part, total) for part in raised]


def _log_softmax(to: _Expanding, entries: list[Node], values: Array) -> list[Node]:
    about = _largest(entries, values)
    total = _log_sum(to, entries, about)
    return [to.make("sub", to.make("sub", entry, about), total) for entry in entries]


def _sums(to: _Expanding, entries: list[Node]) -> list[Node]:
    found = entries[:1]
    for entry in entries[1:]:
        found.append(to.make("add", found[-1], entry))
    return found


_ALONG: dict[str, Along] = {
    "sum": lambda to, entries, values, settings: [to.sum(entries)],
    "mean": lambda to, entries, values, settings: [_mean(to, entries)],
    "prod": lambda to, entries, values, settings: [to.product(entries)],
    "amax": lambda to, entries, values, settings: [_best(to, "max", entries)],
    "amin": lambda to, entries, values, settings: [_best(to, "min", entries)],
    "var": lambda to, entries, values, settings: [_var(to, entries, settings["ddof"])],
    "std": lambda to, entries, values, settings: [to.make("sqrt", _var(to, entries, settings["ddof"]))],
    "norm": lambda to, entries, values, settings: [to.make("sqrt", _squares(to, entries))],
    "logsumexp": lambda to, entries, values, settings: [_logsumexp(to, entries, values)],
    "softmax": lambda to, entries, values, settings: _softmax(to, entries, values),
    "log_softmax": lambda to, entries, values, settings: _log_softmax(to, entries, values),
    "cumsum": lambda to, entries, values, settings: _sums(to, entries),
}


# -- products and matrices ----------------------------------------------------------------


def _matmul(to: _Expanding, A: Array, B: Array) -> Array:
    """Of matrices, of vectors, or of stacks of matrices."""
    if np.ndim(A) > 2 or np.ndim(B) > 2:
        rest = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
        left, right = (np.broadcast_to(M, (*rest, *M.shape[-2:])) for M in (A, B))
        return [_matmul(to, left[at], right[at]) for at in np.ndindex(rest)]
    rows, columns = np.atleast_2d(A), np.atleast_2d(B.T)
    return [
        to.sum(to.make("mul", a, b) for a, b in zip(row, column, strict=True)) for row in rows for column in columns
    ]


def _det(to: _Expanding, A: Array) -> Node:
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


def _signed(to: _Expanding, pairs: list[tuple[Node, Node]]) -> Node:
    """a*b - c*d + e*f ..."""
    first, *others = [to.make("mul", a, b) for a, b in pairs]
    for place, term in enumerate(others):
        first = to.make("add" if place % 2 else "sub", first, term)
    return first


def _cofactor(to: _Expanding, A: Array, row: int, column: int) -> Node:
    minor = _det(to, np.delete(np.delete(A, row, 0), column, 1))
    return to.make("neg", minor) if (row + column) % 2 else minor


def _solved(to: _Expanding, A: Array, columns: Array | None) -> list[Node]:
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


Defined = Callable[[_Expanding, list[Array], Node], Any]
_DEFINED: dict[str, Defined] = {
    **dict.fromkeys(
        ("matmul", "dot", "matvec", "vecmat", "bmm"), lambda to, operands, node: _matmul(to, operands[0], operands[1])
    ),
    "outer": lambda to, operands, node: [to.make("mul", a, b) for a in operands[0] for b in operands[1]],
    "trace": lambda to, operands, node: to.sum(operands[0].diagonal()),
    "det": lambda to, operands, node: _det(to, operands[0]),
    "inv": lambda to, operands, node: _solved(to, operands[0], None),
    "solve": lambda to, operands, node: _solved(to, operands[0], operands[1]),
    "solve_vector": lambda to, operands, node: _solved(to, operands[0], operands[1][:, None]),
    "shape": lambda to, operands, node: [to.number(size) for size in np.shape(operands[0])],
    "extent": lambda to, operands, node: to.number(np.shape(operands[0])[settings_of(node)["axis"]]),
    "arange": lambda to, operands, node: [to.number(place) for place in range(int(to.program.shapes[node][0]))],
}
