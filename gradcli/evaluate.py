"""Program and point to values and gradients, in floats, line by line as they are printed.

Accumulation has the printed order, so that generated code gives the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import nan
from typing import NamedTuple

from gradcli import backward
from gradcli.gates import NUMBER, variadic
from gradcli.graph import Node
from gradcli.program import Program
from gradcli.rows import RAISED, flowing_places, share_function, value_function

CONSTANT_VALUES = {"pi": 3.141592653589793, "e": 2.718281828459045}


def leaf_value(node: Node) -> float:
    """The value of a number or a constant."""
    return float(str(node.static)) if node.gate is NUMBER else CONSTANT_VALUES[str(node.static)]


class Evaluation(NamedTuple):
    """values, gradients: by index of a node in the program's graph; a gradient is None where nothing flows."""

    program: Program
    values: list[float]
    gradients: list[float | None]

    def value(self, node: Node) -> float:
        """The value of a node."""
        return self.values[node.index]

    def gradient(self, node: Node) -> float:
        """The gradient of the output with respect to a node; 0 where nothing flows."""
        gradient = self.gradients[node.index]
        return 0.0 if gradient is None else gradient


def evaluate(
    program: Program, point: Mapping[Node, float], ties: str = "first", wrt: Iterable[str] | None = None
) -> Evaluation:
    """Values and gradients of a scalar program.

    point: a float for each input leaf. ties: a key of backward.TIES.
    wrt: the variables whose gradient is asked for; all if None. Nothing raises because of a value.
    """
    values = _forward(program, point)
    return Evaluation(program, values, _backward(program, values, ties, backward.active(program, wrt)))


def _forward(program: Program, point: Mapping[Node, float]) -> list[float]:
    values = [nan] * len(program.graph.nodes)
    for node in program.graph.nodes:
        if not node.operands:
            values[node.index] = leaf_value(node) if node.constant else point[node]
    functions: dict[str, Callable[..., float]] = {}
    for node in program.order:
        name = node.gate.name
        if name not in functions:
            functions[name] = value_function(name, False)
        operands = [values[operand.index] for operand in node.operands]
        try:
            values[node.index] = functions[name](*operands)
        except RAISED:
            values[node.index] = value_function(name, True)(*operands)
    return values


def _backward(program: Program, values: list[float], ties: str, active: bytearray) -> list[float | None]:
    sweep = _Sweep(program, values, ties, active)
    gradients = sweep.gradients
    for line in reversed(program.lines):
        gradient = gradients[line.index]
        if gradient is not None:
            sweep.send(line, gradient)
    return gradients


class _Sweep:
    """The backward pass under way: gradients so far, by index of a node."""

    def __init__(self, program: Program, values: list[float], ties: str, active: bytearray) -> None:
        self.values = values
        self.inside = program.inside
        self.ties = ties
        self.active = active
        self.gradients: list[float | None] = [None] * len(values)
        self.gradients[program.output.index] = 1.0
        self.functions: dict[str, Callable[..., tuple[float, ...]]] = {}

    def send(self, node: Node, gradient: float) -> None:
        """Pass a gradient on to the operands of a node; what is inside its line passes it on at once."""
        gradients, inside = self.gradients, self.inside
        for operand, share in self._shares(node, gradient):
            index = operand.index
            if inside[index]:  # at most as deep as a line is wide
                self.send(operand, share)
            else:
                before = gradients[index]
                gradients[index] = share if before is None else before + share

    def _shares(self, node: Node, gradient: float) -> Iterable[tuple[Node, float]]:
        """The operands that receive something, and what."""
        values, active = self.values, self.active
        operands = node.operands
        name = node.gate.name
        for operand in operands:
            if not active[operand.index]:
                break
        else:
            if name in self.functions:
                out = values[node.index]
                try:
                    shares = self.functions[name](*[values[operand.index] for operand in operands], out, gradient)
                    return zip(operands, shares, strict=True)
                except RAISED:
                    pass
        return self._rare_shares(node, gradient)

    def _rare_shares(self, node: Node, gradient: float) -> Iterable[tuple[Node, float]]:
        """The same for a gate met first, inactive operands, any number of operands, or where Python raises."""
        operands = [self.values[operand.index] for operand in node.operands]
        out = self.values[node.index]
        places = [place for place, operand in enumerate(node.operands) if self.active[operand.index]]
        if variadic(node.gate):
            shares = backward.routed(self.ties, operands, out, gradient)
            return [(node.operands[place], shares[place]) for place in places]
        flowing = flowing_places(node.gate.name)
        if len(places) == len(flowing) == len(operands):
            self.functions[node.gate.name] = share_function(node.gate.name, flowing, False)
        places = [place for place in places if place in flowing]
        try:
            found = share_function(node.gate.name, tuple(places), False)(*operands, out, gradient)
        except RAISED:
            found = share_function(node.gate.name, tuple(places), True)(*operands, out, gradient)
        return [(node.operands[place], share) for place, share in zip(places, found, strict=True)]
