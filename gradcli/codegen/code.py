"""A staged program as assignments, the same for every language: line n in C is line n in Python.

Program and flows go in; out come the lines of the forward pass and the groups of the backward pass, whose
values are expressions that only have to be spelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from gradcli.backward import Flow, flows
from gradcli.codegen.target import Target, spelling
from gradcli.errors import PointMistake
from gradcli.graph import Input, Node
from gradcli.local import Expression, Formulas
from gradcli.naming import Names, names_of
from gradcli.program import Program, base_of, used_by_output


class Variable(NamedTuple):
    """An input as the code sees it.

    name: the user's; spelled: the code's; gradient: the name of its gradient in the code; sum: while it is added up.
    shape: () for a number. wanted: whether its gradient is asked for. used: whether the output depends on it.
    """

    name: str
    spelled: str
    gradient: str
    sum: str
    shape: tuple[int, ...]
    wanted: bool
    used: bool


class Assignment(NamedTuple):
    """`target = value`, or `target += value`, or with a factor: `target = (value) * upstream`.

    target: what is assigned, a node with a name. local: the name of a variable for the value alone (style df).
    """

    target: Node
    value: Expression
    accumulates: bool
    upstream: Node | None = None
    local: str = ""


class Group(NamedTuple):
    """What one line sends back. number: the line's, from 1 on."""

    line: Node
    number: int
    assignments: list[Assignment]


class Code(NamedTuple):
    """A program ready to be spelled.

    names: the code's name of every node that has one. stages: the lines of the forward pass, numbered from 1 on.
    gradients: by line and input leaf, the node that stands for its gradient; the output's is 1.
    accumulated: the targets that are assigned more than once.
    """

    program: Program
    target: Target
    formulas: Formulas
    style: str
    names: dict[Node, str]
    variables: list[Variable]
    stages: list[tuple[int, Node]]
    groups: list[Group]
    gradients: dict[Node, Node]
    accumulated: set[Node]

    @property
    def output(self) -> str:
        """The name of the output."""
        return self.names[self.program.output]

    @property
    def wanted(self) -> list[Variable]:
        """The variables whose gradient is asked for."""
        return [variable for variable in self.variables if variable.wanted]


def coded(
    program: Program,
    target: Target,
    style: str = "plain",
    ties: str = "first",
    wrt: Iterable[str] | None = None,
    shapes: dict[str, tuple[int, ...]] | None = None,
    reserved: Iterable[str] = (),
) -> Code:
    """The program as assignments.

    wrt: the variables whose gradient is asked for, all if None; shapes: of variables, where a point gives them;
    reserved: names that the frame uses. Raises PointMistake where a name is used as a number and as a list.
    """
    return _Builder(program, target, style, ties, wrt, shapes or {}, reserved).code()


class _Builder:
    """The assignments and names so far."""

    def __init__(
        self,
        program: Program,
        target: Target,
        style: str,
        ties: str,
        wrt: Iterable[str] | None,
        shapes: dict[str, tuple[int, ...]],
        reserved: Iterable[str],
    ) -> None:
        self.program = program
        self.target = target
        self.style = style
        self.formulas = Formulas(program, ties, target.guarded, style != "plain", target.quick)
        self.wrt = set(program.variables if wrt is None else wrt)
        used = used_by_output(program)
        self.used = {base_of(leaf) for leaf in program.inputs if used[leaf.index]}
        self.stages = list(enumerate((line for line in program.lines if used[line.index]), 1))
        seed = self.formulas.leaf() if target.seeded else self.formulas.one
        self.gradients: dict[Node, Node] = {program.output: seed}
        self.leaves: dict[Node, str] = {}  # nodes that only generated code has, and what to call them
        self.accumulated: set[Node] = set()
        self.reserved = reserved
        self.shapes = {name: shapes.get(name) or shape for name, shape in shapes_of(program).items()}
        names = names_of(program)
        self.taken = {*names.of.values(), *names.gradient.values(), *program.variables}
        if style == "df":
            output = names.of[program.output]
            names = Names(names.of, {name: self._free(f"d{output}d{name}") for name in names.gradient})
        self.plain = names
        self.sums = {name: self._free(names.gradient[name] + target.behind) for name in program.variables}
        if not target.behind:
            self.sums = {name: names.gradient[name] for name in program.variables}

    def _free(self, name: str) -> str:
        """The name, or the name with underscores if it is taken; from now on it is."""
        while name in self.taken:
            name += "_"
        self.taken.add(name)
        return name

    def code(self) -> Code:
        """Everything, in order."""
        groups = [self._group(line, list(sent)) for line, sent in groupby(self._flows(), key=lambda flow: flow.line)]
        spelled = self._spelled(groups)
        return Code(
            self.program,
            self.target,
            self.formulas,
            self.style,
            self._names(spelled),
            [self._variable(name, spelled) for name in self.program.variables],
            self.stages,
            [self._with_locals(group, spelled) for group in groups] if self.style == "df" else groups,
            self.gradients,
            self.accumulated,
        )

    def _flows(self) -> Iterator[Flow]:
        self.numbers = {line: number for number, line in self.stages}
        return flows(self.program, self.wrt)

    # -- assignments ----------------------------------------------------------------------

    def _group(self, line: Node, sent: list[Flow]) -> Group:
        if len(line.operands) > 2 and line.gate.routes:
            return Group(line, self.numbers[line], list(self._routed(line, sent)))
        return Group(line, self.numbers[line], [self._assignment(flow) for flow in sent])

    def _assignment(self, flow: Flow) -> Assignment:
        upstream, accumulates = self.gradients[flow.line], flow.accumulates
        target = self._gradient(flow.operand, accumulates)
        if self.style == "plain":
            return Assignment(target, self.formulas.received(flow, upstream), accumulates)
        value = self.formulas.local(flow)
        if upstream is self.formulas.one:
            return Assignment(target, value, accumulates)
        return Assignment(target, value, accumulates, upstream, self._local_name(flow))

    def _local_name(self, flow: Flow) -> str:
        if self.style != "df":
            return ""
        operand = "".join(sign for sign in self.plain.of[flow.operand] if sign.isalnum() or sign == "_")
        name = f"d{self.plain.of[flow.line]}d{operand}"
        while name in self.taken:  # among themselves they may be equal: each is read in the next line only
            name += "_"
        return name

    def _routed(self, line: Node, sent: list[Flow]) -> Iterator[Assignment]:
        """A max or min of many operands: what is left of the gradient goes from one to the next."""
        variable = self._leaf(f"{self.plain.gradient[self.plain.of[line]]}_{'ties' if self._splits else 'left'}")
        receives = [False] * len(line.operands)
        for flow in sent:
            receives[flow.steps[0][1]] = True
        first = {flow.operand: not flow.accumulates for flow in reversed(sent)}
        received = {operand for operand, fresh in first.items() if not fresh}
        for share in self.formulas.shares(line, receives, self.gradients[line], variable):
            if share.operand is None:
                yield Assignment(variable, share.value, share.accumulates)
                continue
            accumulates = share.operand in received
            received.add(share.operand)
            yield Assignment(self._gradient(share.operand, accumulates), share.value, accumulates)

    @property
    def _splits(self) -> bool:
        return self.formulas.ties == "split"

    def _gradient(self, operand: Node, accumulates: bool) -> Node:
        gradient = self.gradients.get(operand)
        if gradient is None:
            gradient = self.gradients[operand] = self.formulas.leaf()
        if accumulates:
            self.accumulated.add(gradient)
        return gradient

    def _leaf(self, name: str) -> Node:
        leaf = self.formulas.leaf()
        self.leaves[leaf] = self._free(name)
        self.accumulated.add(leaf)
        return leaf

    # -- names ----------------------------------------------------------------------------

    def _spelled(self, groups: list[Group]) -> dict[str, str]:
        """The code's name for each name that occurs."""
        stages = [self.plain.of[line] for _, line in self.stages]
        gradients = [self.plain.gradient[name] for name in (*self.program.variables, *stages)]
        locals_ = [assignment.local for group in groups for assignment in group.assignments if assignment.local]
        gradients += self.sums.values()
        wanted = [*self.program.variables, *stages, *gradients, *self.leaves.values(), *locals_]
        return spelling(dict.fromkeys(wanted), self.target, self.reserved)

    def _with_locals(self, group: Group, spelled: dict[str, str]) -> Group:
        found = [each._replace(local=spelled.get(each.local, "")) for each in group.assignments]
        return group._replace(assignments=found)

    def _names(self, spelled: dict[str, str]) -> dict[Node, str]:
        names = {line: spelled[self.plain.of[line]] for _, line in self.stages}
        names |= {leaf: spelled[name] for leaf, name in self.leaves.items()}
        for leaf in self.program.inputs:
            names[leaf] = self._element(leaf, spelled[base_of(leaf)])
        for node, gradient in self.gradients.items():
            if gradient is self.formulas.one:
                continue
            if node.operands:
                names[gradient] = spelled[self.plain.gradient[self.plain.of[node]]]
            else:
                names[gradient] = self._input_gradient(node, spelled)
        return names

    def _element(self, leaf: Node, name: str) -> str:
        assert isinstance(leaf.static, Input)
        base, index = leaf.static
        return self.target.element(name, index, self.shapes[base]) if index else name

    def _input_gradient(self, leaf: Node, spelled: dict[str, str]) -> str:
        assert isinstance(leaf.static, Input)
        base = leaf.static.base
        return (
            self._element(leaf, spelled[self.plain.gradient[base]]) if leaf.static.places else spelled[self.sums[base]]
        )

    def _variable(self, name: str, spelled: dict[str, str]) -> Variable:
        plain = self.plain.gradient[name]
        return Variable(
            name,
            spelled[name],
            spelled[plain],
            spelled[self.sums[name]],
            self.shapes[name],
            name in self.wrt,
            name in self.used,
        )


def shapes_of(program: Program) -> dict[str, tuple[int, ...]]:
    """The smallest shape of each variable that has all elements which occur. Raises PointMistake."""
    shapes: dict[str, tuple[int, ...]] = {}
    for leaf in program.inputs:
        assert isinstance(leaf.static, Input)
        base, index = leaf.static
        known = shapes.setdefault(base, tuple(place + 1 for place in index))
        if len(known) != len(index):
            raise PointMistake(f"'{base}' is used with different numbers of indices", leaf.span)
        shapes[base] = tuple(max(size, place + 1) for size, place in zip(known, index, strict=True))
    return shapes
