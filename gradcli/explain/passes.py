"""The forward pass and the backward pass as facts, stage by stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from math import hypot
from typing import Any

from gradcli.backward import Flow, contribution, flows, leading, passes
from gradcli.evaluate import Evaluation, sent_in_turn
from gradcli.exact import digits_of
from gradcli.explain.figures import DIGITS, digits_for, factor
from gradcli.explain.records import Backward, Forward, Ledger, Sent
from gradcli.gates import GATES, Gate, parameters, variadic
from gradcli.graph import Input, Node
from gradcli.local import Expression, Formulas
from gradcli.naming import Names
from gradcli.printer import text_of
from gradcli.program import Program, operands_of

CLOSED = re.compile(r"(^|\(|, )\((-[^()]*)\)(?! \*\*)")  # a negative number that stands apart without parentheses


def size(value: Any) -> float:
    """A number, or the norm of an array."""
    if getattr(value, "ndim", 0):
        return hypot(*value.ravel().tolist())
    return float(value)


class Passes:
    """One evaluation, read line by line."""

    def __init__(self, evaluation: Evaluation, names: Names, ties: str, wrt: list[str] | None) -> None:
        self.evaluation = evaluation
        self.program = evaluation.program
        self.names = names
        self.ties = ties
        self.wrt = wrt
        self.formulas = Formulas(self.program, ties, guarded=False, textbook=True)
        self.received: dict[Node, list[tuple[Node, float]]] = {}  # by operand: from which line how much
        self.flows: dict[Node, list[tuple[Flow, float, float]]] = {}  # by line: with local gradient and share
        if not self.program.shapes:
            self._follow()

    def _follow(self) -> None:
        """Every flow with its numbers, in the order of the backward pass."""
        sending: dict[Node, list[Flow]] = {}
        for flow in flows(self.program, self.wrt):
            sending.setdefault(flow.line, []).append(flow)
        leads = leading(self.program, self.wrt)
        for line, sent in sending.items():
            upstream = self.evaluation.gradient(line)
            shares = [each for each in self._sent(line, upstream) if leads[each[0]]]
            slopes = [each for each in self._sent(line, 1.0) if leads[each[0]]]
            self.flows[line] = [
                (flow, slope, share) for flow, (_, slope), (_, share) in zip(sent, slopes, shares, strict=True)
            ]
            for flow, _, share in self.flows[line]:
                self.received.setdefault(flow.operand, []).append((line, share))

    def _sent(self, line: Node, gradient: float) -> list[tuple[int, float]]:
        return sent_in_turn(self.evaluation, line, self.ties, gradient)

    # -- forward --------------------------------------------------------------------------

    def forward(self, line: Node) -> Forward:
        """A line of the forward pass."""
        values = self.evaluation.values
        operands = dict.fromkeys(operand for operand in operands_of(self.program, line) if operand in self.names.of)
        return Forward(
            self.names.of[line],
            line.gate.name,
            text_of(line, self.names.of.get),
            [(self.names.of[operand], size(values[operand.index])) for operand in operands],
            "" if self.program.shapes else self._with_values(line),
            size(values[line.index]),
            self.program.shapes.get(line, ()),
        )

    def _with_values(self, line: Node) -> str:
        """The code of a line with numbers in place of names, negative ones in parentheses."""

        values = self.evaluation.values
        largest = max((abs(float(values[operand.index])) for operand in line.operands), default=0.0)
        sums = line.gate.name in ("add", "sub")
        digits = digits_for(largest, float(values[line.index])) if sums else DIGITS

        def figure(node: Node) -> str | None:
            return factor(float(values[node.index]), digits) if node in self.names.of else None

        return CLOSED.sub(r"\1\2", text_of(line, figure))

    # -- backward -------------------------------------------------------------------------

    def backward(self, line: Node) -> Backward:
        """What a line sends back; of arrays as formulas, without numbers."""
        gradient = self.evaluation.gradients[line.index]
        return Backward(
            self.names.of[line],
            line.gate.name,
            text_of(line, self.names.of.get),
            self.names.gradient_of(line),
            0.0 if gradient is None else size(gradient),
            list(dict.fromkeys(gate.says for gate in gates_of(self.program, line))),
            list(self._sent_by(line)),
            self.program.shapes.get(line, ()),
        )

    def _sent_by(self, line: Node) -> Iterator[Sent]:
        if self.program.shapes:
            yield from self._sent_arrays(line)
            return
        for flow, slope, share in self.flows.get(line, ()):
            name = self.names.of[flow.operand]
            adds = flow.accumulates
            yield Sent(name, self.names.gradient_of(flow.operand), self._rule(flow), slope, share, adds)

    def _rule(self, flow: Flow) -> str:
        """The local gradient as a formula; a gate that routes has none worth reading."""
        if any(variadic(node.gate) or node.gate.pullback for node, _ in flow.steps):
            return ""
        value = self.evaluation.values[flow.line.index]
        if flow.line.gate.closed and not self.program.shapes and value != value:
            return ""  # outside its domain a gate has no slope, whatever the rule gives
        rule, letters = self.formulas.local(flow)
        return digits_of(rule) or written(Expression(rule, letters), self.names.of)

    def _sent_arrays(self, line: Node) -> Iterator[Sent]:
        """The rules of a line over arrays in the program's names; what is inside a line is passed on at once."""
        for place, operand in _receivers(self.program, line):
            if operand in self.names.of:
                gradient = self.evaluation.gradients[operand.index]
                whole = 0.0 if gradient is None else size(gradient)
                rule, shape = self._array_rule(line, place), self.program.shapes[operand]
                yield Sent(self.names.of[operand], self.names.gradient_of(operand), rule, None, whole, False, shape)

    def _array_rule(self, line: Node, place: int) -> str:
        """What an operand receives, as a formula; nothing where it is too long to be read."""
        gate, upstream = line.gate, self.names.gradient_of(line)
        if gate.name in GATES and gate.partials:
            slope = self._rule(Flow(line, line.operands[place], ((line, place),), False))
            rule_text = {"1": upstream, "-1": f"-{upstream}"}.get(slope, f"{factored(slope)} * {upstream}")
            operand, shapes = line.operands[place], self.program.shapes
            widened = shapes.get(operand, ()) != shapes.get(line, ())
            return f"{rule_text}, summed to the shape of {self.names.of[operand]}" if widened else rule_text
        rule = contribution(gate, place, guarded=False)
        assert rule is not None, "only operands that receive something are asked for"
        known = dict(zip(parameters(gate), line.operands, strict=False))
        letters = {letter: self.names.of.get(node, text_of(node, self.names.of.get)) for letter, node in known.items()}
        letters |= {"out": self.names.of[line], "dout": upstream}
        text = text_of(rule, _lettered(letters)) if rule.operands else letters[str(rule.static)]
        return "" if "where(" in text or _has_settings(rule) else text

    # -- ledgers --------------------------------------------------------------------------

    def ledger(self, node: Node) -> Ledger:
        """Where a gradient comes from, in the order in which it was added up."""
        terms = [(self.names.of[line], share) for line, share in self.received.get(node, ())]
        return Ledger(self.names.of[node], self.names.gradient_of(node), terms, self.evaluation.gradient(node))


def _lettered(letters: Mapping[str, str]) -> Callable[[Node], str | None]:
    return lambda node: letters.get(node.static.base) if isinstance(node.static, Input) else None


def _receivers(program: Program, line: Node) -> Iterator[tuple[int, Node]]:
    """The operands that a line over arrays sends to, with their places; only where nothing is inside the line."""
    if variadic(line.gate) or any(program.inside[operand.index] and operand.operands for operand in line.operands):
        return
    for place, operand in enumerate(line.operands):
        if not operand.constant and passes(line.gate, place):
            yield place, operand


def _has_settings(rule: Node) -> bool:
    """Whether a rule has a gate with static parameters, such as an axis, that its letters do not show."""
    return bool(rule.operands and rule.static) or any(map(_has_settings, rule.operands))


def factored(rule: str) -> str:
    """A formula as a factor: in parentheses if it has operators."""
    return f"({rule})" if re.search(r"^-| [-+*/<>=!]", rule) else rule


def written(expression: Expression, names: Mapping[Node, str]) -> str:
    """A formula in letters with the program's names in their place."""
    rule, letters = expression

    def name(node: Node) -> str | None:
        if not isinstance(node.static, Input):
            return None
        return names[letters[int(node.static.base)]]

    return name(rule) or text_of(rule, name)


def gates_of(program: Program, line: Node) -> Iterator[Gate]:
    """The gates of a line, the outermost first; minus signs and constants aside."""
    yield line.gate
    waiting = list(reversed(line.operands))
    while waiting:
        node = waiting.pop()
        if program.inside[node.index] and not node.constant:
            yield node.gate
            waiting.extend(reversed(node.operands))
