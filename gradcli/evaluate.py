"""Program and point to values and gradients, in floats, line by line as they are printed.

Accumulation has the printed order, so that generated code gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import nan
from typing import NamedTuple

from gradcli import backward
from gradcli.gates import NUMBER, variadic
from gradcli.graph import Node
from gradcli.program import Program
from gradcli.rows import RAISED, share_function, value_function

CONSTANT_VALUES = {"pi": 3.141592653589793, "e": 2.718281828459045}


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
            values[node.index] = point[node] if not node.constant else leaf_value(node)
    functions: dict[str, object] = {}
    for node in program.order:
        name = node.gate.name
        operands = [values[operand.index] for operand in node.operands]
        try:
            values[node.index] = value_function(name, False)(*operands)
        except RAISED:
            values[node.index] = value_function(name, True)(*operands)
    return values


def leaf_value(node: Node) -> float:
    """The value of a number or a constant."""
    return float(str(node.static)) if node.gate is NUMBER else CONSTANT_VALUES[str(node.static)]


def _backward(program: Program, values: list[float], ties: str, active: bytearray) -> list[float | None]:
    gradients: list[float | None] = [None] * len(values)
    gradients[program.output.index] = 1.0
    inside = program.inside
    for line in reversed(program.lines):
        gradient = gradients[line.index]
        if gradient is None or not active[line.index]:
            continue
        waiting = [(line, gradient)]
        while waiting:
            node, gradient = waiting.pop()
            if node is not line and not (inside[node.index] and node.operands):
                before = gradients[node.index]
                gradients[node.index] = gradient if before is None else before + gradient
            else:
                waiting.extend(reversed(_shares(node, gradient, values, ties, active)))
    return gradients


def _shares(
    node: Node, gradient: float, values: list[float], ties: str, active: bytearray
) -> list[tuple[Node, float]]:
    """What each active operand of a node receives."""
    operands = [values[operand.index] for operand in node.operands]
    out = values[node.index]
    if variadic(node.gate):
        if out != out:
            return [(operand, out) for operand in node.operands if active[operand.index]]
        weights = backward.winners(ties, [operand == out for operand in operands])
        return [
            (operand, weight * gradient if weight else 0.0)
            for operand, weight in zip(node.operands, weights, strict=True)
            if active[operand.index]
        ]
    places = tuple(
        place
        for place, operand in enumerate(node.operands)
        if active[operand.index] and backward.contribution(node.gate, place) is not None
    )
    try:
        shares = share_function(node.gate.name, places, False)(*operands, out, gradient)
    except RAISED:
        shares = share_function(node.gate.name, places, True)(*operands, out, gradient)
    return [(node.operands[place], share) for place, share in zip(places, shares, strict=True)]
