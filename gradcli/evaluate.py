"""Program and point to values and gradients, in floats, line by line as they are printed.

Accumulation has the printed order, so that generated code gives the same bits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from math import nan
from typing import Any, NamedTuple

from gradcli import backward
from gradcli.gates import NUMBER
from gradcli.graph import Node
from gradcli.program import Program
from gradcli.rows import RAISED, share_function, value_function

CONSTANT_VALUES = {"pi": 3.141592653589793, "e": 2.718281828459045}


def leaf_value(node: Node) -> float:
    """The value of a number or a constant."""
    return float(str(node.static)) if node.gate is NUMBER else CONSTANT_VALUES[str(node.static)]


class Evaluation(NamedTuple):
    """values, gradients, active: by index of a node in the program's graph.

    Floats, or NumPy arrays where the program has shapes. A gradient is None where nothing flows; where
    `active` is 0 it was not asked for.
    """

    program: Program
    values: list[Any]
    gradients: list[Any]
    active: bytearray

    def value(self, node: Node) -> Any:
        """The value of a node: a float or nested lists."""
        return _listed(self.values[node.index]) if self.program.shapes else self.values[node.index]

    def gradient(self, node: Node) -> Any:
        """The gradient of the output with respect to a node, a float or nested lists; 0 where nothing flows."""
        gradient = self.gradients[node.index]
        if self.program.shapes:
            return _zeros(self.program.shapes.get(node, ())) if gradient is None else _listed(gradient)
        return 0.0 if gradient is None else gradient


def _listed(array: Any) -> Any:
    """A NumPy array as nested lists, a number as a float."""
    return array.tolist() if hasattr(array, "tolist") else float(array)


def _zeros(shape: tuple[Any, ...]) -> Any:
    return [_zeros(shape[1:]) for _ in range(shape[0])] if shape else 0.0


def evaluate(
    program: Program, point: Mapping[Node, float], ties: str = "first", wrt: Iterable[str] | None = None
) -> Evaluation:
    """Values and gradients of a scalar program.

    point: a float for each input leaf. ties: a key of backward.TIES.
    wrt: the variables whose gradient is asked for; all if None. Nothing raises because of a value.
    """
    values = _forward(program, point)
    active = backward.active(program, wrt)
    return Evaluation(program, values, _backward(program, values, ties, active), active)


def _forward(program: Program, point: Mapping[Node, float]) -> list[float]:
    values = [nan] * len(program.graph.nodes)
    for node, value in point.items():
        values[node.index] = value
    for node in program.graph.nodes:
        if node.constant and not node.operands:
            values[node.index] = leaf_value(node)
    functions: dict[str, Callable[..., float]] = {}
    for node in program.order:
        name, operands = node.gate.name, node.operands
        if name not in functions:
            functions[name] = value_function(name, False)
        try:
            if len(operands) == 2:  # most gates have one operand or two; a call with a list takes twice the time
                left, right = operands
                values[node.index] = functions[name](values[left.index], values[right.index])
            elif len(operands) == 1:
                values[node.index] = functions[name](values[operands[0].index])
            else:
                values[node.index] = functions[name](*[values[operand.index] for operand in operands])
        except RAISED:
            values[node.index] = value_function(name, True)(*[values[operand.index] for operand in operands])
    return values


def _backward(program: Program, values: list[float], ties: str, active: bytearray) -> list[float | None]:
    gradients: list[float | None] = [None] * len(values)
    gradients[program.output.index] = 1.0
    sweep = _Sweep(program, values, ties, active, gradients)
    for line in reversed(program.lines):
        gradient = gradients[line.index]
        if gradient is not None:
            sweep.send(line, gradient)
    return gradients


def sent(evaluation: Evaluation, line: Node, ties: str) -> dict[int, float | None]:
    """What one line of the backward pass sends to its operands, by their index."""
    shares: dict[int, float | None] = defaultdict(lambda: None)
    sweep = _Sweep(evaluation.program, evaluation.values, ties, evaluation.active, shares)
    sweep.send(line, evaluation.gradient(line))
    return shares


def sent_in_turn(evaluation: Evaluation, line: Node, ties: str, gradient: float) -> list[tuple[int, float]]:
    """What one line of the backward pass sends if `gradient` arrives: each flow alone, with its operand's index.

    An operand that the line has twice is there twice; added up in this order the flows are the gradients.
    """
    flows = _InTurn()
    _Sweep(evaluation.program, evaluation.values, ties, evaluation.active, flows).send(line, gradient)
    return flows.received


class _InTurn(dict[int, "float | None"]):
    """Gradients that are not added up: each one that arrives, in order."""

    def __init__(self) -> None:
        self.received: list[tuple[int, float]] = []

    def __getitem__(self, place: int) -> None:
        return None

    def __setitem__(self, place: int, share: float | None) -> None:
        assert share is not None
        self.received.append((place, share))


class _Sweep:
    """The backward pass under way: gradients so far, by index of a node."""

    def __init__(
        self,
        program: Program,
        values: list[float],
        ties: str,
        active: bytearray,
        gradients: list[float | None] | dict[int, float | None],
    ) -> None:
        self.nodes = program.graph.nodes
        self.inside = program.inside
        self.values = values
        self.ties = ties
        self.active = active
        self.gradients = gradients
        self.functions: dict[tuple[str, int], Callable[..., Iterable[float | None]]] = {}

    def send(self, node: Node, gradient: float) -> None:
        """Pass a gradient on to the operands of a node; what is inside its line passes it on at once."""
        gradients, inside = self.gradients, self.inside
        for operand, share in zip(node.operands, self._shares(node, gradient)):  # noqa: B905  the keyword takes time
            if share is None:
                continue
            place = operand.index
            if inside[place]:  # a line is short, and so is what is inside it
                self.send(operand, share)
            else:
                before = gradients[place]
                gradients[place] = share if before is None else before + share

    def _shares(self, node: Node, gradient: float) -> Iterable[float | None]:
        """What each operand of a node receives, None where nothing flows."""
        values, operands, active = self.values, node.operands, self.active
        out = values[node.index]
        try:
            if len(operands) == 2:  # most gates have one operand or two; a call with a list takes twice the time
                left, right = operands[0].index, operands[1].index
                key = (node.gate.name, active[left] + 2 * active[right])
                function = self.functions.get(key) or self._function(node)
                return function(values[left], values[right], out, gradient)
            if len(operands) == 1:
                place = operands[0].index
                function = self.functions.get((node.gate.name, active[place])) or self._function(node)
                return function(values[place], out, gradient)
            known = [values[operand.index] for operand in operands]
            return self._function(node)(*known, out, gradient)
        except RAISED:
            known = [values[operand.index] for operand in operands]
            return share_function(node.gate.name, self._asked(node), True)(*known, out, gradient)

    def _function(self, node: Node) -> Callable[..., Iterable[float | None]]:
        """What gives the operands' shares of a gradient; for a gate with a fixed number of operands it is kept."""
        if node.gate.routes:
            receives = [bool(self.active[operand.index]) for operand in node.operands]
            return lambda *known: backward.routed(self.ties, known[:-2], known[-2], known[-1], receives)
        key = (node.gate.name, self._asked(node))
        if key not in self.functions:
            self.functions[key] = share_function(*key, False)
        return self.functions[key]

    def _asked(self, node: Node) -> int:
        """Which operands of a node are active, as bits."""
        return sum(self.active[operand.index] << place for place, operand in enumerate(node.operands))
