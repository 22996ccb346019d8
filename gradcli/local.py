"""The formula of each line and each flow: what a line computes, what an operand receives, the local gradient.

Rules of the table, tidied where that changes no bit. Flows of one kind share their formula: it is
written once, in letters, and goes with the nodes that each flow puts in place of the letters.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from gradcli.backward import Flow, contribution
from gradcli.exact import exact, is_number
from gradcli.formula import formula, substitute
from gradcli.gates import Gate, parameters
from gradcli.graph import Graph, Node
from gradcli.program import Program

# What an operand of max receives, by the rule for ties: as a formula of the operand a, the other one b, and dout;
# for the one that stands first, and for the one that stands second.
PAIRS = {
    "first": ("where(a >= b, dout, 0)", "where(b >= a, 0, dout)"),
    "last": ("where(b >= a, 0, dout)", "where(a >= b, dout, 0)"),
    "split": ("where(a > b, dout, where(a == b, dout / 2, 0))",) * 2,
    "both": ("where(a >= b, dout, 0)",) * 2,
}


class Expression(NamedTuple):
    """A formula in letters, which are inputs called 0, 1, ..., and the nodes that they stand for."""

    rule: Node
    letters: list[Node]


class Share(NamedTuple):
    """One of the assignments by which a max or min of many operands routes.

    operand: who receives it; None for the variable that counts ties or holds what is left of the gradient.
    """

    operand: Node | None
    value: Expression
    accumulates: bool = False


class Formulas:
    """The formulas of one program.

    ties: a key of backward.TIES. guarded: nan where a gate's value is nan, as IEEE asks for; otherwise
    the rule alone. textbook: rules as the note writes them, where the table has two forms; quick: rules
    that save a division, where it has those.
    """

    def __init__(self, program: Program, ties: str, guarded: bool, textbook: bool = False, quick: bool = False) -> None:
        self.graph = Graph(exact())
        self.program = program
        self.ties = ties
        self.guarded = guarded
        self.textbook = textbook
        self.quick = quick
        self.one = self.graph.number("1")
        self._rules: dict[object, Node] = {}

    def leaf(self) -> Node:
        """A node that stands for a variable of the code."""
        return self.graph.placeholder()

    def _inline(self, node: Node) -> bool:
        """Whether a node is written out wherever it is used: numbers, and constants without a line."""
        return not node.operands or bool(self.program.inside[node.index])

    def _letters(self) -> Iterator[Node]:
        """The letters of a formula, in order."""
        return (self.graph.element(str(number), ()) for number in count())  # no name of a program is a number

    # -- lines ----------------------------------------------------------------------------

    def line(self, node: Node, defined: bool, pairs: bool) -> Expression:
        """What a line computes. defined: by its gate's definition; pairs: a max or min by gates of two operands."""
        named: list[Node] = []
        key = (self._likeness(node, named), defined)
        rule = self._rules.get(key)
        if rule is None:
            rule = self._rules[key] = self._line(node, defined, pairs)
        return Expression(rule, named)

    def _likeness(self, node: Node, named: list[Node]) -> tuple[object, ...]:
        """What is the same for all lines that are written alike; and the operands that have names."""
        key: list[object] = [node.gate.name]
        inside = self.program.inside
        for operand in node.operands:
            if inside[operand.index]:
                key.append(operand if operand.constant else self._likeness(operand, named))
            elif operand.constant and not operand.operands:
                key.append(operand)
            else:
                key.append(None)
                named.append(operand)
        return tuple(key)

    def _in_letters(self, node: Node, letters: Iterator[Node]) -> tuple[Node, ...]:
        """A node's operands with a letter for each that has a name."""
        found = []
        for operand in node.operands:
            if operand.constant and self._inline(operand):
                found.append(operand)
            elif operand.operands and self.program.inside[operand.index]:
                found.append(Graph().apply(operand.gate, self._in_letters(operand, letters)))
            else:
                found.append(next(letters))
        return tuple(found)

    def _line(self, node: Node, defined: bool, pairs: bool) -> Node:
        gate, nodes = node.gate, self._in_letters(node, self._letters())
        if defined:
            return substitute(self.graph, formula(gate.means), dict(zip(parameters(gate), nodes, strict=True)))
        while pairs and gate.routes and len(nodes) > 2:  # as few levels deep as can be
            two = [nodes[place : place + 2] for place in range(0, len(nodes), 2)]
            nodes = tuple(self.graph.apply(gate, pair) if len(pair) == 2 else pair[0] for pair in two)
        return Graph().apply(gate, nodes)  # as written: what the user wrote is not tidied

    # -- flows ----------------------------------------------------------------------------

    def received(self, flow: Flow, upstream: Node) -> Expression:
        """What a flow brings its operand, `upstream` being the gradient that arrives at its line."""
        key: list[object] = [upstream.constant]
        named = [] if upstream.constant else [upstream]
        inside = self.program.inside
        for node, place in flow.steps:
            key += (node.gate.name, place)
            named.append(node)
            for operand in node.operands:
                if operand.constant and (inside[operand.index] or not operand.operands):
                    key.append(operand)
                else:
                    key.append(None)
                    named.append(operand)
        together = tuple(key)
        rule = self._rules.get(together)
        if rule is None:
            rule = self._rules[together] = self._chained(flow, upstream)
        return Expression(rule, named)

    def local(self, flow: Flow) -> Expression:
        """The local gradient of a flow's line with respect to its operand."""
        return self.received(flow, self.one)

    def _chained(self, flow: Flow, upstream: Node) -> Node:
        """The rules along a flow, each with the gradient from the one before."""
        letters = self._letters()
        gradient = upstream if upstream.constant else next(letters)
        for node, place in flow.steps:
            out = next(letters)
            operands = [
                operand if operand.constant and self._inline(operand) else next(letters) for operand in node.operands
            ]
            put = {"out": out, "dout": gradient}
            if node.gate.routes:
                rule, put["a"], put["b"] = self._pair(node.gate, place), operands[place], operands[1 - place]
            else:
                rule = self._rule(node.gate, place, operands)
                put.update(zip(parameters(node.gate), operands, strict=True))
            gradient = substitute(self.graph, rule, put)
        return gradient

    def _rule(self, gate: Gate, place: int, operands: list[Node]) -> Node:
        letter = parameters(gate)[place]
        written = gate.textbook.get(letter) if self.textbook else None
        if not written and self.quick and letter in gate.unit and is_number(operands[0], 1):
            return formula(gate.unit[letter])
        rule = formula(f"({written}) * dout") if written else contribution(gate, place, self.guarded)
        assert rule is not None, "only operands that receive something have flows"
        return rule

    # -- gates that route -----------------------------------------------------------------

    def _pair(self, gate: Gate, place: int) -> Node:
        """What one of two operands of max or min receives."""
        return formula(self._guard(_turned(PAIRS[self.ties][place], gate)))

    def _guard(self, rule: str) -> str:
        return f"where(out == out, {rule}, out)" if self.guarded else rule

    def _put(self, rule: str, **nodes: Node) -> Expression:
        """A rule with nodes in place of its letters."""
        fixed = {name: node for name, node in nodes.items() if node.constant and self._inline(node)}
        named = [node for name, node in nodes.items() if name not in fixed]
        key = (rule, *fixed.items())
        if key not in self._rules:
            letters = self._letters()
            put = {name: fixed.get(name) or next(letters) for name in nodes}
            self._rules[key] = substitute(self.graph, formula(rule), put)
        return Expression(self._rules[key], named)

    def shares(self, node: Node, receives: list[bool], upstream: Node, variable: Node) -> Iterator[Share]:
        """The assignments of a max or min of more than two operands, one or two an operand.

        variable: holds the number of ties under `split`, else what earlier operands have left of the gradient.
        """
        if self.ties == "split":
            for place, operand in enumerate(node.operands):
                yield Share(None, self._put("where(a == out, 1, 0)", a=operand, out=node), place > 0)
        if self.ties in ("first", "last"):
            yield from self._in_turn(node, receives, upstream, variable)
            return
        share = "dout / count" if self.ties == "split" else "dout"
        rule = self._guard(f"where(a == out, {share}, 0)")
        for operand, asked in zip(node.operands, receives, strict=True):
            if asked:
                yield Share(operand, self._put(rule, a=operand, out=node, dout=upstream, count=variable))

    def _in_turn(self, node: Node, receives: list[bool], upstream: Node, variable: Node) -> Iterator[Share]:
        """Each operand that equals the output takes what is left, from the first on or from the last on."""
        places = list(range(len(node.operands)))
        if self.ties == "last":
            places.reverse()
        last = max(turn for turn, place in enumerate(places) if receives[place])
        left = upstream
        for turn, place in enumerate(places[: last + 1]):
            letters = {"a": node.operands[place], "out": node, "left": left}
            if receives[place]:
                yield Share(node.operands[place], self._put(self._guard("where(a == out, left, 0)"), **letters))
            if turn < last:
                yield Share(None, self._put("where(a == out, 0, left)", **letters))
                left = variable


def _turned(rule: str, gate: Gate) -> str:
    """A rule of max, turned round for min."""
    return rule.replace(">", "<") if gate.name == "min" else rule
