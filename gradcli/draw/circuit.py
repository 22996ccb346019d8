"""Program and evaluation to Circuit: what every picture shows, in whatever format."""

from __future__ import annotations

from typing import NamedTuple

from gradcli.draw.choose import MOST_GATES, Group, chosen
from gradcli.draw.glyphs import WIDEST, glyph_of, symmetric
from gradcli.draw.numbers import Reading, reading, times
from gradcli.evaluate import Evaluation
from gradcli.graph import Node
from gradcli.naming import Names, names_of
from gradcli.printer import text_of
from gradcli.program import Program

INPUT, GATE, BOX = "input", "gate", "box"


class Part(NamedTuple):
    """One thing in the picture, with the wire that leaves it.

    kind: INPUT; GATE; BOX, which stands for several gates.
    glyph: what stands in it. name: of its wire. gradient_name: of that wire's gradient.
    code: what it computes. operands: the parts whose wires enter it, by their place in the circuit.
    ordered: whether it matters which wire enters where. value, gradient: at the wire, None where there is none.
    carried: whether it stands elsewhere, or is left out, and only its wire is taken up here.
    goes_on: whether its wire ends here, to be taken up again elsewhere.
    """

    kind: str
    name: str
    glyph: str = ""
    gradient_name: str = ""
    code: str = ""
    operands: tuple[int, ...] = ()
    ordered: bool = False
    value: Reading | None = None
    gradient: Reading | None = None
    carried: bool = False
    goes_on: bool = False


class Circuit(NamedTuple):
    """parts: operands before what uses them. output: the place of the one whose wire is the result, or -1.

    expression: what it is a picture of. left_out: sentences about what is not in it.
    """

    parts: list[Part]
    output: int
    expression: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def has_numbers(self) -> bool:
        """Whether the wires have gradients."""
        return any(part.gradient for part in self.parts)

    @property
    def gates(self) -> int:
        """How many gates and boxes there are."""
        return sum(part.kind != INPUT for part in self.parts)


def circuit_of(program: Program, evaluation: Evaluation | None, most: int | None = MOST_GATES) -> Circuit:
    """The circuit of a staged program: each line a gate.

    evaluation: of that program, for the numbers. most: how many gates are drawn; all of them if None.
    """
    return _Builder(program, evaluation, names_of(program)).circuit(most)


class _Builder:
    """The parts so far."""

    def __init__(self, program: Program, evaluation: Evaluation | None, names: Names) -> None:
        self.program = program
        self.evaluation = evaluation
        self.names = names
        self.parts: list[Part] = []
        self.places: dict[Node, int] = {}

    def circuit(self, most: int | None) -> Circuit:
        """All that was chosen."""
        groups, left_out, whole = chosen(self.program, most)
        lines = {group.line for group in groups}
        entering = dict.fromkeys(node for group in groups for node in group.operands if node not in lines)
        first = [leaf for leaf in self.program.inputs if whole or leaf in entering]
        for node in [*first, *(node for node in entering if node.operands)]:
            self._add(node, self._wire(node)._replace(carried=bool(node.operands)))
        for group in groups:
            self._add(group.line, self._part(group))
        return Circuit(self.parts, self.places[self.program.output], self.program.text, left_out)

    def _add(self, node: Node, part: Part) -> None:
        self.places[node] = len(self.parts)
        self.parts.append(part)

    def _wire(self, node: Node) -> Part:
        """A node as nothing but its wire."""
        code = text_of(node, self.names.of.get) if node.operands else ""
        gradient_name = self.names.gradient_of(node)
        return Part(
            INPUT, self.names.of[node], "", gradient_name, code, value=self._value(node), gradient=self._gradient(node)
        )

    def _part(self, group: Group) -> Part:
        line, wire = group.line, self._wire(group.line)
        if not group.operands:  # a constant, whose number is known without a point
            short = wire.code if len(wire.code) <= WIDEST else ""
            return wire if wire.value or not short else wire._replace(value=Reading(short, wire.code))
        operands = [self.places[operand] for operand in group.operands]
        if group.more:
            operands.append(len(self.parts))
            self.parts.append(Part(INPUT, f"{group.more} more", carried=True))
        if group.size > 1:
            return wire._replace(kind=BOX, glyph=f"{group.size} gates", operands=tuple(operands), ordered=False)
        glyph = glyph_of(self.program, line, self.names)
        ordered = len(operands) > 1 and not symmetric(self.program, line)
        return wire._replace(kind=GATE, glyph=glyph, operands=tuple(operands), ordered=ordered)

    def _value(self, node: Node) -> Reading | None:
        shape = self.program.shapes.get(node, ())
        if self.evaluation is None:
            return Reading(times(shape), f"shape {times(shape)}") if shape else None
        value = reading(self.evaluation.value(node), shape)
        return Reading(f"{times(shape)} {value.shown}", value.exact) if shape else value

    def _gradient(self, node: Node) -> Reading | None:
        evaluation = self.evaluation
        if evaluation is None or not (node is self.program.output or evaluation.active[node.index]):
            return None
        return reading(evaluation.gradient(node), self.program.shapes.get(node, ()))
