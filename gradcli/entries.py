"""A program over arrays as the same program over numbers: every entry of every stage written out.

The definitions of the gates of arrays are taken entry by entry, without a rule for any slope: what holds a
gradient against another source takes the program in this form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradcli.array_elementwise import Array
from gradcli.array_gates import is_array_gate
from gradcli.array_reductions import axes_of
from gradcli.array_values import FUNCTIONS, settings_of
from gradcli.entry_matrices import MATRICES
from gradcli.entry_reductions import ALONG
from gradcli.entry_writer import TooLarge, Writer
from gradcli.gates import INPUT, NUMBER
from gradcli.graph import Input, Node
from gradcli.program import Program

MOVING = ("transpose", "permute", "reshape", "index", "concatenate", "stack", "mT")
PICKING = ("pick", "pick2")
KEEPING = ("softmax", "log_softmax", "cumsum")  # along axes, and all axes stay


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


class _Expanding(Writer):
    """The graph of numbers so far, and what each node of the program over arrays became."""

    def __init__(self, program: Program, values: Sequence[Any], most: int) -> None:
        super().__init__()
        self.program = program
        self.values = values
        self.most = most
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
        if name in ALONG:
            return self._along(node, operands[0], shape)
        found = MATRICES[name](self, operands, settings_of(node), shape)
        return _array(list(np.ravel(found)), shape)

    def _along(self, node: Node, A: Array, shape: tuple[int, ...]) -> Array:
        """A gate that works along axes: on each vector of entries alone."""
        settings = settings_of(node)
        axes = axes_of(A, settings["axis"])
        numbers = _vectors(np.asarray(self.values[node.operands[0].index], dtype=float), axes)
        vectors = _vectors(A, axes)
        rest = vectors.shape[:-1]
        found = [ALONG[node.gate.name](self, list(vectors[at]), numbers[at], settings) for at in np.ndindex(rest)]
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


def _vectors(A: Array, axes: tuple[int, ...]) -> Array:
    """The entries along some axes as vectors: those axes are the last one."""
    moved = np.moveaxis(A, axes, range(-len(axes), 0))
    return moved.reshape(*moved.shape[: np.ndim(A) - len(axes)], -1)
