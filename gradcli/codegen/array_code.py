"""A staged program over arrays as assignments: code.py where every value has a shape.

A gradient that is the same along an axis is kept as small as it is, until an input needs it whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from gradcli.array_gates import is_array_gate
from gradcli.array_local import ArrayFormulas, Entry, Term
from gradcli.backward import Flow, flows
from gradcli.calculate import varying
from gradcli.codegen.inlining import inlined
from gradcli.dimensions import Shape, broadcast
from gradcli.exact import COMPARISONS, is_number
from gradcli.gates import INPUT
from gradcli.graph import Node
from gradcli.local import Expression
from gradcli.naming import names_of
from gradcli.program import Program, used_by_output


class Sent:
    """A contribution to the gradient of a node.

    to: the node. term: what is added, at an entry or everywhere. first: whether nothing was added before.
    whole: whether it is stretched to the node's shape; owned: whether it needs memory of its own.
    passed: whether it needs no line, being another gradient by another name.
    zeroed: whether it is another gradient with zeros in it, which nobody else reads.
    """

    def __init__(self, to: Node, term: Term, entry: Entry | None, first: bool) -> None:
        self.to = to
        self.term = term
        self.entry = entry
        self.first = first
        self.whole = False
        self.owned = False
        self.passed = False
        self.zeroed = False


class ArrayCode(NamedTuple):
    """A program ready to be spelled.

    variables: the names of all; wanted: of those with a gradient. whole: of those that are whole numbers.
    names: of inputs and lines; gradients: of their gradients. seed: the name of the gradient from above, if there is
    one. stages: the lines of the forward pass. groups: what each line sends back, in order. once: the stages that are
    used once, by another stage.
    """

    program: Program
    formulas: ArrayFormulas
    variables: list[str]
    wanted: list[str]
    whole: set[str]
    names: dict[Node, str]
    gradients: dict[Node, str]
    gradient_of: dict[str, str]
    seed: str
    stages: list[tuple[Node, Expression]]
    groups: list[tuple[Node, list[Sent]]]
    once: set[Node]


def array_coded(program: Program, ties: str, wrt: Iterable[str] | None, inline: bool = True) -> ArrayCode:
    """The program with shapes as assignments.

    wrt: the variables whose gradient is asked for; all if None. inline: whether a stage that is used once, by another,
    is written there.
    """
    return _Builder(program, ties, wrt).code(inline)


def zeroed(rule: Node) -> bool:
    """Whether a rule is where(a comparison, 0, a variable)."""
    if rule.gate.name != "where" or rule.operands[0].gate.name not in COMPARISONS:
        return False
    return is_number(rule.operands[1], 0) and rule.operands[2].gate is INPUT


class _Builder:
    """The contributions so far, by the node that receives them."""

    def __init__(self, program: Program, ties: str, wrt: Iterable[str] | None) -> None:
        self.program = program
        wanted = varying(program)
        self.whole = set(program.variables) - set(wanted)
        self.wanted = [name for name in wanted if wrt is None or name in set(wrt)]
        self.formulas = ArrayFormulas(program, ties, self.whole)
        self.received: dict[Node, list[Sent]] = {}
        self.gradient: dict[Node, Node] = {}  # by node, what stands for its gradient in formulas

    def code(self, inline: bool) -> ArrayCode:
        """Everything, in order."""
        program, names = self.program, names_of(self.program)
        used = used_by_output(program)
        groups = [(line, self._group(line, [flow.steps for flow in sent])) for line, sent in self._in_order()]
        for leaf in program.inputs:
            self._settled(leaf)
        groups = [(line, [one for one in sent if not one.passed]) for line, sent in groups]
        self._route_in_place(groups)
        once = inlined(program, used, self._read(groups))
        self.formulas.inlined = once if inline else set()
        shape = program.shapes[program.output]
        gradients = {self.gradient[node]: names.gradient_of(node) for node in self.gradient}
        return ArrayCode(
            program,
            self.formulas,
            program.variables,
            self.wanted,
            self.whole,
            dict(names.of),
            gradients | {node: names.gradient_of(node) for node in names.of},
            {name: names.gradient[name] for name in program.variables},
            names.gradient_of(program.output) if any(size != 1 for size in shape) else "",
            [(line, self.formulas.line(line)) for line in program.lines if used[line.index]],
            [(line, sent) for line, sent in groups if sent],
            once,
        )

    def _in_order(self) -> list[tuple[Node, list[Flow]]]:
        """The flows by line. What W**2 sends an input that receives more comes last: its memory is needed last."""
        ways = [(line, list(sent)) for line, sent in groupby(flows(self.program, self.wanted), lambda one: one.line)]
        count = Counter(flow.operand for _, sent in ways for flow in sent)
        last = {
            line
            for line, sent in ways
            if not is_array_gate(line.gate)
            and all(flow.operand.gate is INPUT and count[flow.operand] > len(sent) for flow in sent)
        }
        return sorted(ways, key=lambda way: way[0] in last)

    def _route_in_place(self, groups: list[tuple[Node, list[Sent]]]) -> None:
        """Marks what is a gradient that nobody else reads, with zeros in it."""
        leaves = {leaf: self.received.get(node, []) for node, leaf in self.gradient.items()}
        every = [one for _, sent in groups for one in sent]
        reads = Counter(leaf for one in every for leaf in self.formulas.letters_in(one.term.node))
        for one in every:
            if one.entry is None and one.first and zeroed(one.term.node):
                condition, _, gradient = one.term.node.operands
                leaf = next(self.formulas.letters_in(gradient))
                shapes = {self.formulas.own[node] for node in (condition, gradient)} | {self.program.shapes[one.to]}
                made = leaves.get(leaf) and not any(self._is_shared(it) for it in leaves[leaf])
                one.zeroed = bool(made) and len(shapes) == 1 and () not in shapes and reads[leaf] == 1

    def _is_shared(self, sent: Sent) -> bool:
        """Whether what arrives may be another variable's memory."""
        return sent.first and not sent.entry and not sent.owned and self.formulas.is_view(sent.term.node)

    def _read(self, groups: list[tuple[Node, list[Sent]]]) -> set[Node]:
        """The variables that the backward pass reads."""
        found: set[Node] = set()
        for _, sent in groups:
            for one in sent:
                for rule in [one.term.node, *(pick.rule for pick in one.entry.picks)] if one.entry else [one.term.node]:
                    found.update(self.formulas.letters_in(rule))
                if one.entry or one.whole:
                    found.add(one.to)  # whose shape is asked for
        return found

    def _group(self, line: Node, ways: list[tuple[tuple[Node, int], ...]]) -> list[Sent]:
        upstream = self._upstream(line)
        found: list[Sent] = []
        times: dict[tuple[Node, Node], int] = {}
        for steps in ways:
            share: Term | Entry = upstream
            for node, place in steps:
                assert isinstance(share, Term)
                share = self.formulas.share(node, place, share)
            operand = steps[-1][0].operands[steps[-1][1]]
            if isinstance(share, Entry):
                found.append(self._sent(operand, self.formulas.full(upstream), share))
                continue
            count = times[operand, share.node] = times.get((operand, share.node), 0) + 1
            if count == 1:
                found.append(self._sent(operand, share, None))
        for sent in found:
            count = times.get((sent.to, sent.term.node), 1)
            if count > 1 and sent.entry is None:
                sent.term = self.formulas.doubled(sent.term, count)
        return found

    def _sent(self, operand: Node, term: Term, entry: Entry | None) -> Sent:
        before = self.received.setdefault(operand, [])
        sent = Sent(operand, term, entry, not before)
        before.append(sent)
        return sent

    def _upstream(self, line: Node) -> Term:
        """The gradient of a line, all of whose contributions are known."""
        shape = self.program.shapes[line]
        if line not in self.received:
            if all(size == 1 for size in shape):
                return self.formulas.number("1", shape)
            return self._letter(line, shape, shape)
        own = self._settled(line)
        sent = self.received[line]
        if len(sent) == 1 and line not in self.program.graph.titles and self._is_name(sent[0]):
            sent[0].passed = True
            return Term(sent[0].term.node, shape)
        return self._letter(line, shape, own)

    def _is_name(self, sent: Sent) -> bool:
        """Whether a contribution is a variable as it is, or 1."""
        node = sent.term.node
        return sent.entry is None and not sent.whole and (node.gate is INPUT or is_number(node, 1))

    def _letter(self, node: Node, shape: Shape, own: Shape) -> Term:
        leaf = self.formulas.graph.placeholder()
        leaf.constant = False
        self.gradient[node] = leaf
        return self.formulas.letter(leaf, shape, own)

    def _settled(self, node: Node) -> Shape:
        """The shape of a node's gradient in the code: as small as its contributions, but whole for an input."""
        sent = self.received.get(node)
        shape = self.program.shapes[node]
        if not sent:
            return shape
        own = [shape if one.entry else self.formulas.own[one.term.node] for one in sent]
        result = broadcast(own)
        to_input = node.gate is INPUT
        if to_input or own[0] != result:
            sent[0].whole = own[0] != shape
            result = shape
        view = self.formulas.is_view(sent[0].term.node) and not sent[0].whole and sent[0].entry is None
        sent[0].owned = view and (len(sent) > 1 or (to_input and shape != ()))
        return result
