"""The formula of each flow: what an operand receives, or the local gradient alone.

Rules of the table with the program's nodes in place of their letters, tidied where that changes no bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gradcli.backward import Flow, contribution
from gradcli.exact import exact
from gradcli.formula import formula, substitute
from gradcli.gates import Gate, parameters, variadic
from gradcli.graph import Graph, Node

# What an operand of max receives, by the rule for ties: as a formula of the operand a, the other one b, and dout;
# for the one that stands first, and for the one that stands second.
PAIRS = {
    "first": ("where(a >= b, dout, 0)", "where(b >= a, 0, dout)"),
    "last": ("where(b >= a, 0, dout)", "where(a >= b, dout, 0)"),
    "split": ("where(a > b, dout, where(a == b, dout / 2, 0))",) * 2,
    "both": ("where(a >= b, dout, 0)",) * 2,
}


class Share(NamedTuple):
    """One of the assignments by which a max or min of many operands routes: to an operand, or to a variable.

    operand: who receives it; None for the variable that counts ties or holds what is left of the gradient.
    """

    operand: Node | None
    value: Node
    accumulates: bool


class Formulas:
    """The formulas of one program's flows.

    ties: a key of backward.TIES. guarded: nan where a gate's value is nan, as IEEE asks for; otherwise
    the rule alone. textbook: rules as the note writes them, where the table has two forms.
    """

    def __init__(self, ties: str, guarded: bool, textbook: bool = False) -> None:
        self.graph = Graph(exact())
        self.ties = ties
        self.guarded = guarded
        self.textbook = textbook
        self.one = self.graph.number("1")

    def leaf(self, name: str) -> Node:
        """A node that stands for a variable; the name only tells it from others."""
        return self.graph.name(name)

    def received(self, flow: Flow, upstream: Node) -> Node:
        """What a flow brings its operand, `upstream` being the gradient that arrives at its line."""
        gradient = upstream
        for node, place in flow.steps:
            gradient = self._share(node, place, gradient)
        return gradient

    def local(self, flow: Flow) -> Node:
        """The local gradient of a flow's line with respect to its operand."""
        return self.received(flow, self.one)

    def _share(self, node: Node, place: int, gradient: Node) -> Node:
        letters = dict(zip(parameters(node.gate), node.operands, strict=False))
        if variadic(node.gate):
            return self._routed(node, place, gradient)
        return substitute(self.graph, self._rule(node.gate, place), {**letters, "out": node, "dout": gradient})

    def _rule(self, gate: Gate, place: int) -> Node:
        written = gate.textbook.get(parameters(gate)[place]) if self.textbook else None
        rule = formula(f"({written}) * dout") if written else contribution(gate, place, self.guarded)
        assert rule is not None, "only operands that receive something have flows"
        return rule

    # -- gates that route -----------------------------------------------------------------

    def _routed(self, node: Node, place: int, gradient: Node) -> Node:
        """What one of two operands of max or min receives."""
        rule = PAIRS[self.ties][place]
        other = node.operands[1 - place]
        return self._guard(node, self._put(rule, node, a=node.operands[place], b=other, dout=gradient))

    def _put(self, rule: str, node: Node, **letters: Node) -> Node:
        """A rule of max, turned round for min, on its operands."""
        turned = rule.replace(">", "<") if node.gate.name == "min" else rule
        return substitute(self.graph, formula(turned), letters)

    def _guard(self, node: Node, value: Node) -> Node:
        if not self.guarded:
            return value
        return substitute(self.graph, formula("where(out == out, value, out)"), {"out": node, "value": value})

    def shares(self, node: Node, receives: list[bool], upstream: Node, variable: Node) -> Iterator[Share]:
        """The assignments of a max or min of more than two operands, one or two an operand.

        variable: holds the number of ties under `split`, else what earlier operands have left of the gradient.
        """
        if self.ties == "split":
            for place, operand in enumerate(node.operands):
                yield Share(None, self._put("where(a == out, 1, 0)", node, a=operand, out=node), place > 0)
            rest = self._put("dout / count", node, dout=upstream, count=variable)
            yield from self._equal(node, receives, rest)
        elif self.ties == "both":
            yield from self._equal(node, receives, upstream)
        else:
            yield from self._in_turn(node, receives, upstream, variable)

    def _equal(self, node: Node, receives: list[bool], share: Node) -> Iterator[Share]:
        for operand, asked in zip(node.operands, receives, strict=True):
            if asked:
                value = self._put("where(a == out, dout, 0)", node, a=operand, out=node, dout=share)
                yield Share(operand, self._guard(node, value), False)

    def _in_turn(self, node: Node, receives: list[bool], upstream: Node, left: Node) -> Iterator[Share]:
        """Each operand that equals the output takes what is left, from the first on or from the last on."""
        places = list(range(len(node.operands)))
        if self.ties == "last":
            places.reverse()
        last = max(index for index, place in enumerate(places) if receives[place])
        rest = upstream
        for index, place in enumerate(places[: last + 1]):
            letters = {"a": node.operands[place], "out": node, "left": rest}
            if receives[place]:
                value = self._put("where(a == out, left, 0)", node, **letters)
                yield Share(node.operands[place], self._guard(node, value), False)
            if index < last:
                yield Share(None, self._put("where(a == out, 0, left)", node, **letters), False)
                rest = left


def whole_gate(graph: Graph, node: Node) -> Node:
    """A gate's definition on its operands."""
    return substitute(graph, formula(node.gate.means), dict(zip(parameters(node.gate), node.operands, strict=True)))


def nested(graph: Graph, node: Node) -> Node:
    """A max or min of many operands by gates of two, as few levels deep as can be; of equal ones still the first."""
    operands = node.operands
    while len(operands) > 2:
        pairs = [operands[place : place + 2] for place in range(0, len(operands), 2)]
        operands = tuple(graph.apply(node.gate, pair) if len(pair) == 2 else pair[0] for pair in pairs)
    return graph.apply(node.gate, operands)
