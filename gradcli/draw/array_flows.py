"""What flows where on the way back through a program over arrays: how it is written, its shape and its norm."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gradcli.array_evaluate import sent_arrays
from gradcli.backward import Flow, contribution
from gradcli.draw.numbers import reading, times
from gradcli.evaluate import Evaluation
from gradcli.gates import parameters, variadic
from gradcli.graph import Input, Node
from gradcli.naming import Names
from gradcli.printer import text_of
from gradcli.program import Program


class ArrayFlow(NamedTuple):
    """What a line brings to one of its operands: its shape and norm.

    code: the rule of a gate over arrays; empty where it is no short formula. alone: where each entry of the operand
    goes to one of the line, the flow between the two.
    """

    line: Node
    operand: Node
    code: str
    alone: Flow | None
    brings: str


def array_flows(evaluation: Evaluation, names: Names, ties: str) -> Iterator[ArrayFlow]:
    """The flows of the backward pass, in its order; an operand that a line has twice receives both at once."""
    program = evaluation.program
    for line in reversed(program.lines):
        if evaluation.gradients[line.index] is None:
            continue
        for place, share in sent_arrays(evaluation, line, ties).items():
            operand = program.graph.nodes[place]
            if operand in names.of and operand is not line:
                shape = program.shapes.get(operand, ())
                number = reading(share.tolist(), shape).shown
                code, alone = _code(program, line, operand, names), _alone(program, line, operand)
                yield ArrayFlow(line, operand, code, alone, f"{times(shape)} {number}".strip())


def _code(program: Program, line: Node, operand: Node, names: Names) -> str:
    """The rule of a gate that is no elementwise one, in the program's names: `W.T @ dD`."""
    if line.gate.partials or not _is_plain(program, line, operand):
        return ""
    rule = contribution(line.gate, line.operands.index(operand), guarded=False)
    if rule is None or not rule.operands:
        return ""
    letters = zip(parameters(line.gate), line.operands, strict=False)
    spelled = {letter: text_of(node, names.of.get) for letter, node in letters}
    spelled |= {"out": names.of[line], "dout": names.gradient_of(line)}
    text = text_of(rule, lambda node: spelled.get(node.static.base) if isinstance(node.static, Input) else None)
    return "" if "where(" in text or "Setting(" in text else text


def _alone(program: Program, line: Node, operand: Node) -> Flow | None:
    """The flow as one between numbers, where every entry goes its own way."""
    if not line.gate.partials or not _is_plain(program, line, operand):
        return None
    if program.shapes.get(operand, ()) != program.shapes.get(line, ()):
        return None
    return Flow(line, operand, ((line, line.operands.index(operand)),), False)


def _is_plain(program: Program, line: Node, operand: Node) -> bool:
    """Whether a line is one gate of its own that has the operand once."""
    inside = any(program.inside[node.index] and node.operands for node in line.operands)
    return not inside and not variadic(line.gate) and line.operands.count(operand) == 1
