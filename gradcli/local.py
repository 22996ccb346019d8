"""The formula of each line and each flow: what a line computes, what an operand receives, the local gradient.

Rules of the table, tidied where that changes no bit. Flows of one kind share their formula: it is
written once, in letters, and goes with the nodes that each flow puts in place of the letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gradcli.backward import Flow, contribution
from gradcli.exact import exact, is_number
from gradcli.formula import formula, substitute
from gradcli.gates import Gate, parameters, variadic
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
Letters = list[Node]


class Expression(NamedTuple):
    """A formula in letters, which are inputs called 0, 1, ..., and the nodes that they stand for."""

    rule: Node
    letters: Letters


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
        self._slots: list[Node] = []

    def leaf(self, name: str) -> Node:
        """A node that stands for a variable of the code; the name only tells it from others."""
        return self.graph.element(name, (0,))

    def _inline(self, node: Node) -> bool:
        """Whether a node is written out wherever it is used: numbers, and constants without a line."""
        return not node.operands or bool(self.program.inside[node.index])

    def _letter(self, letters: Letters, node: Node) -> Node:
        """A letter for a node that has a name; a node that is written out stands for itself."""
        if node.constant and self._inline(node):
            return node
        return self._slot(letters, node)

    def _slot(self, letters: Letters, node: Node) -> Node:
        letters.append(node)
        if len(letters) > len(self._slots):
            self._slots.append(self.graph.name(str(len(self._slots))))
        return self._slots[len(letters) - 1]

    def _made(self, key: object, make: Callable[[], Node]) -> Node:
        if key not in self._rules:
            self._rules[key] = make()
        return self._rules[key]

    # -- lines ----------------------------------------------------------------------------

    def line(self, node: Node, defined: bool, pairs: bool) -> Expression:
        """What a line computes. defined: by its gate's definition; pairs: a max or min by gates of two operands."""
        letters: Letters = []
        key, operands = self._signature(node, letters)
        return Expression(self._made((key, defined), lambda: self._line(node.gate, operands, defined, pairs)), letters)

    def _signature(self, node: Node, letters: Letters) -> tuple[tuple[object, ...], Callable[[], tuple[Node, ...]]]:
        """What lines of equal form have in common, and a way to make its operands in letters."""
        key: list[object] = [node.gate.name]
        makers: list[Callable[[], Node]] = []
        for operand in node.operands:
            if operand.operands and self.program.inside[operand.index] and not operand.constant:
                inner, operands = self._signature(operand, letters)
                key.append(inner)
                makers.append(lambda gate=operand.gate, operands=operands: self.graph.apply(gate, operands()))  # type: ignore[misc]
            else:
                letter = self._letter(letters, operand)
                key.append(letter if letter is operand else None)
                makers.append(lambda letter=letter: letter)  # type: ignore[misc]
        return tuple(key), lambda: tuple(make() for make in makers)

    def _line(self, gate: Gate, operands: Callable[[], tuple[Node, ...]], defined: bool, pairs: bool) -> Node:
        nodes = operands()
        if defined:
            return substitute(self.graph, formula(gate.means), dict(zip(parameters(gate), nodes, strict=True)))
        while pairs and variadic(gate) and len(nodes) > 2:  # as few levels deep as can be
            two = [nodes[place : place + 2] for place in range(0, len(nodes), 2)]
            nodes = tuple(self.graph.apply(gate, pair) if len(pair) == 2 else pair[0] for pair in two)
        return Graph().apply(gate, nodes)  # as written: what the user wrote is not tidied

    # -- flows ----------------------------------------------------------------------------

    def received(self, flow: Flow, upstream: Node) -> Expression:
        """What a flow brings its operand, `upstream` being the gradient that arrives at its line."""
        letters: Letters = []
        gradient = self._letter(letters, upstream)
        key: list[object] = [gradient if gradient is upstream else None]
        steps = []
        for node, place in flow.steps:
            out = self._slot(letters, node)
            operands = [self._letter(letters, operand) for operand in node.operands]
            key += [node.gate.name, place, *(operand if operand.constant else None for operand in operands)]
            steps.append((node.gate, place, operands, out))
        return Expression(self._made(tuple(key), lambda: self._chained(steps, gradient)), letters)

    def local(self, flow: Flow) -> Expression:
        """The local gradient of a flow's line with respect to its operand."""
        return self.received(flow, self.one)

    def _chained(self, steps: list[tuple[Gate, int, list[Node], Node]], gradient: Node) -> Node:
        for gate, place, operands, out in steps:
            if variadic(gate):
                rule, letters = self._pair(gate, place), {"a": operands[place], "b": operands[1 - place]}
            else:
                rule, letters = self._rule(gate, place, operands), dict(zip(parameters(gate), operands, strict=True))
            gradient = substitute(self.graph, rule, {**letters, "out": out, "dout": gradient})
        return gradient

    def _rule(self, gate: Gate, place: int, operands: list[Node]) -> Node:
        letter = parameters(gate)[place]
        written = gate.textbook.get(letter) if self.textbook else None
        if self.quick and is_number(operands[0], 1):
            written = written or gate.unit.get(letter)
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
        letters: Letters = []
        put = {name: self._letter(letters, node) for name, node in nodes.items()}
        key = (rule, *(node if node.constant else None for node in put.values()))
        return Expression(self._made(key, lambda: substitute(self.graph, formula(rule), put)), letters)

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
