"""A program as steps over columns of numbers: what is computed from what, in which order.

The code generator's assignments go in; their formulas are taken apart into functions of one or two operands, and
equal ones are computed once. No text is made and nothing is compiled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gradcli.codegen import target_called
from gradcli.codegen.code import coded
from gradcli.evaluate import leaf_value
from gradcli.exact import COMPARISONS
from gradcli.formula import formula
from gradcli.gates import Gate, parameters
from gradcli.graph import Input, Node
from gradcli.ieee import FUNCTIONS
from gradcli.local import Expression
from gradcli.naming import Names
from gradcli.program import Program
from gradcli.rows import value_function

Value = int  # stands for a column of numbers, a number that is the same in all rows, or a column of conditions

PRIMITIVE = {"add", "sub", "mul", "div", "neg", "pow", *COMPARISONS, *FUNCTIONS} - {"max", "min", "sign"}
OF_CONDITIONS = {"mul": "and", "add": "or"}


class Step(NamedTuple):
    """`out = function(*operands)`. function: a gate's name, or one of "and", "or", "float", "true"."""

    function: str
    operands: tuple[Value, ...]
    out: Value


class Choice(NamedTuple):
    """`out` is `yes` in the rows where the condition holds, else `no`; the steps of a side run if a row needs it."""

    condition: Value
    then: list[Step | Choice]
    other: list[Step | Choice]
    yes: Value
    no: Value
    out: Value


Steps = Sequence[Step | Choice]


class Plan(NamedTuple):
    """What a kernel does.

    inputs: the value of each input, by its spelling; constants: numbers, by their value; conditions: the values that
    are conditions; results: the value of each stage and of each gradient, by name.
    """

    steps: Steps
    inputs: dict[str, Value]
    constants: dict[Value, float]
    conditions: set[Value]
    results: dict[str, Value]


def planned(program: Program, names: Names, ties: str, wrt: Sequence[str] | None) -> Plan:
    """The steps of a program's forward and backward pass, in the order of `evaluate`."""
    return _Planner(program, names, ties, wrt).plan


class _Planner:
    """The steps so far. known: by function and operands, the values there are, innermost branch last."""

    def __init__(self, program: Program, names: Names, ties: str, wrt: Sequence[str] | None) -> None:
        self.count = 0
        self.constants: dict[Value, float] = {}
        self.conditions: set[Value] = set()
        self.steps: list[Step | Choice] = []
        self.known: list[dict[tuple[str, tuple[Value, ...]], Value]] = [{}]
        self.by_number: dict[str, Value] = {}
        self.values: dict[Node, Value] = {}
        target = target_called("numpy")._replace(seeded=False)
        code = coded(program, target, "plain", ties, wrt)
        inputs = {str(leaf.static): self._new() for leaf in program.inputs}
        self.values = {leaf: inputs[str(leaf.static)] for leaf in program.inputs}
        for _, line in code.stages:
            self.values[line] = self._expression(code.formulas.line(line, False, target.pairs))
        results = {names.of[line]: self.values[line] for _, line in code.stages}
        for group in code.groups:
            for assignment in group.assignments:
                value = self._expression(assignment.value)
                if assignment.accumulates:
                    value = self._step("add", (self.values[assignment.target], value))
                self.values[assignment.target] = value
        wanted = {variable.name for variable in code.wanted}
        for leaf in program.inputs:
            assert isinstance(leaf.static, Input)
            if leaf.static.base in wanted:
                gradient = self.values.get(code.gradients[leaf]) if leaf in code.gradients else None
                results[names.gradient_of(leaf)] = self._constant(0.0) if gradient is None else gradient
        self.plan = Plan(self.steps, inputs, self.constants, self.conditions, results)

    def _new(self) -> Value:
        self.count += 1
        return self.count - 1

    def _constant(self, number: float) -> Value:
        key = number.hex()  # which tells 0.0 from -0.0
        if key not in self.by_number:
            self.by_number[key] = self._new()
            self.constants[self.by_number[key]] = number
        return self.by_number[key]

    def _step(self, function: str, operands: tuple[Value, ...], condition: bool = False) -> Value:
        """The value of a function; one that is known, or a step more."""
        if not condition and operands and all(operand in self.constants for operand in operands):
            numbers = [self.constants[operand] for operand in operands]
            return self._constant(float(value_function(function, True)(*numbers)))
        key = function, operands
        found = next((known[key] for known in reversed(self.known) if key in known), None)
        if found is None:
            found = self.known[-1][key] = self._new()
            self.steps.append(Step(function, operands, found))
            if condition:
                self.conditions.add(found)
        return found

    def _expression(self, expression: Expression) -> Value:
        named = enumerate(expression.letters)  # a letter that the formula does not have may stand for nothing
        letters = {str(place): self.values[node] for place, node in named if node in self.values}
        return self._value(expression.rule, letters)

    def _value(self, node: Node, letters: dict[str, Value]) -> Value:
        """The value of a formula; recursion is as deep as a rule of the table."""
        gate = node.gate
        if isinstance(node.static, Input):
            return letters[node.static.base]
        if not node.operands:
            return self._constant(leaf_value(node))
        if node in self.values:
            return self.values[node]
        if gate.name == "copy":
            return self._value(node.operands[0], letters)
        if gate.name == "where":
            return self._choice(node.operands, letters)
        if gate.name in COMPARISONS:
            return self._step("float", (self._condition(node, letters),))
        operands = tuple(self._value(operand, letters) for operand in node.operands)
        return self._step(gate.name, operands) if gate.name in PRIMITIVE else self._defined(gate, operands)

    def _defined(self, gate: Gate, operands: tuple[Value, ...]) -> Value:
        """A gate by its formula; a max or min of many by one of two after the other."""
        rule = formula(gate.stable or gate.means)
        while len(operands) > 2:
            operands = (self._defined(gate, operands[:2]), *operands[2:])
        return self._value(rule, dict(zip(parameters(gate), operands, strict=True)))

    # -- choices --------------------------------------------------------------------------

    def _condition(self, node: Node, letters: dict[str, Value]) -> Value:
        """A formula as a condition; a number is one where it is not 0."""
        if node.gate.name in OF_CONDITIONS and all(_decides(operand) for operand in node.operands):
            sides = tuple(self._condition(operand, letters) for operand in node.operands)
            return self._step(OF_CONDITIONS[node.gate.name], sides, True)
        if node.gate.name in COMPARISONS:
            return self._step(node.gate.name, tuple(self._value(side, letters) for side in node.operands), True)
        return self._step("ne", (self._value(node, letters), self._constant(0.0)), True)

    def _choice(self, operands: Sequence[Node], letters: dict[str, Value]) -> Value:
        condition = self._condition(operands[0], letters)
        yes, then = self._branch(operands[1], letters)
        no, other = self._branch(operands[2], letters)
        out = self._new()
        self.steps.append(Choice(condition, then, other, yes, no, out))
        return out

    def _branch(self, node: Node, letters: dict[str, Value]) -> tuple[Value, list[Step | Choice]]:
        """A side of a choice, with the steps that only it needs."""
        outside, self.steps = self.steps, []
        self.known.append({})
        value = self._value(node, letters)
        self.known.pop()
        found, self.steps = self.steps, outside
        return value, found


def _decides(node: Node) -> bool:
    """Whether a formula is a condition by itself."""
    return node.gate.name in COMPARISONS or (
        node.gate.name in OF_CONDITIONS and all(_decides(operand) for operand in node.operands)
    )


# -- what is needed -------------------------------------------------------------------------


def needed(steps: Steps, wanted: set[Value]) -> list[Step | Choice]:
    """The steps without those that no wanted value depends on; `wanted` grows by what is needed on the way."""
    found: list[Step | Choice] = []
    for step in reversed(steps):
        if step.out not in wanted:
            continue
        if isinstance(step, Choice):
            wanted |= {step.condition, step.yes, step.no}
            step = step._replace(then=needed(step.then, wanted), other=needed(step.other, wanted))
        else:
            wanted.update(step.operands)
        found.append(step)
    return found[::-1]


def reads(step: Step | Choice) -> Iterator[Value]:
    """The values that a step reads itself."""
    yield from (step.condition, step.yes, step.no) if isinstance(step, Choice) else step.operands
