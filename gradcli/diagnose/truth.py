"""The forward pass at several points: values, the true gradient of every name, and who sends what to whom.

Each assignment of the forward pass is a program of its own; a name that is assigned again is a new name. So
the gradients are those of the names as the author has them, also where two lines compute the same.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from gradcli.array_evaluate import evaluate_arrays
from gradcli.array_values import settings_of
from gradcli.diagnose.machine import Machine, Memory, Value, _entry, copied, plain
from gradcli.diagnose.reader import Assignment
from gradcli.errors import GradError, UsageMistake
from gradcli.graph import Input

POINTS = {True: 8, False: 4}  # of numbers, of arrays
DRAWS = 60
SEED = 8


class Sent(NamedTuple):
    """What one use of a name sends back to it. user: the name that uses it; line: the statement it is in."""

    user: str
    name: str
    line: Assignment
    value: Value


class Truth(NamedTuple):
    """One point. start: what the way back begins with, the point and the forward values.

    gradients: by name, the last value that was assigned to it first; inner: those of nodes inside the line that
    assigns a name, by that name; sent: all contributions; scales: how large a name's contributions are.
    given: it is the point that was given.
    """

    start: Memory
    gradients: dict[str, list[Value]]
    inner: dict[str, list[Value]]
    sent: list[Sent]
    scales: dict[str, float]
    given: bool = False

    def of(self, name: str) -> Value:
        """The true gradient of a name, as it stands at the end of the forward pass."""
        return self.gradients[name][0]


class Forward(NamedTuple):
    """The forward pass. above: the gradient that arrives at the output, if it has a name in the point."""

    machine: Machine
    lines: list[Assignment]
    output: str
    above: str
    ties: str
    overwritten: frozenset[str]


def truth_at(forward: Forward, point: Mapping[str, Value]) -> Truth:
    """Values and gradients at one point. Raises GradError where a line cannot be evaluated."""
    memory: Memory = {name: np.array(value) if np.ndim(value) else np.float64(value) for name, value in point.items()}
    version = dict.fromkeys(memory, 0)
    run: list[tuple[Assignment, Memory, dict[str, int]]] = []
    for line in forward.lines:
        before = {
            name: memory[name] for name in forward.machine.formula(line.expression, line.at).names if name in memory
        }
        before |= {name: memory[name] for name in re.findall(r"[^\W\d]\w*", line.entry) if name in memory}
        if line.operator or line.entry:
            before[line.target] = np.array(memory.get(line.target, 0.0))
        run.append((line, copied(before), dict(version)))
        forward.machine.carry_out(line, memory)
        version[line.target] = version.get(line.target, -1) + 1
    if forward.output not in memory:
        raise UsageMistake(f"'{forward.output}' has no value at the end of the forward pass")
    seed = memory.get(forward.above) if forward.above else None
    arriving = np.ones(np.shape(memory[forward.output])) if seed is None else np.asarray(seed)
    return _swept(forward, memory, run, version, arriving)


def _swept(
    forward: Forward,
    memory: Memory,
    run: list[tuple[Assignment, Memory, dict[str, int]]],
    version: dict[str, int],
    seed: Value,
) -> Truth:
    totals: dict[tuple[str, int], Value] = {(forward.output, version[forward.output]): seed}
    scales: dict[str, float] = {forward.output: float(np.max(np.abs(seed)))}
    inner: dict[str, list[Value]] = {}
    sent: list[Sent] = []
    for line, before, versions in reversed(run):
        own = (line.target, versions.get(line.target, -1) + 1)
        arriving = totals.get(own)
        if arriving is None:
            continue
        for name, value in _shares(forward, line, before, np.asarray(arriving), inner):
            key = (name, versions.get(name, 0))
            totals[key] = value if key not in totals else totals[key] + value
            scales[name] = max(scales.get(name, 0.0), float(np.max(np.abs(value), initial=0.0)))
            if key[1] == version.get(name, 0):
                sent.append(Sent(line.target, name, line, plain(value)))
    gradients: dict[str, list[Value]] = {
        name: [plain(totals.get((name, one), np.zeros(np.shape(memory[name])))) for one in range(last, -1, -1)]
        for name, last in version.items()
    }
    start = copied(memory)
    return Truth(start, gradients, inner, sent, scales)


def _shares(
    forward: Forward, line: Assignment, before: Memory, arriving: Value, inner: dict[str, list[Value]]
) -> Iterator[tuple[str, Value]]:
    """What a line sends to the names that it reads."""
    machine = forward.machine
    if line.entry:
        yield from _of_entries(forward, line, before, arriving)
        return
    if line.operator:
        line = line._replace(expression=f"{line.target} {line.operator} ({line.expression})", operator="")
    program = machine.shaped(machine.formula(line.expression, line.at), before)
    leaves = {leaf: _entry(before, leaf.static) for leaf in program.inputs}
    shape = np.shape(forward_shape(program))
    arriving = np.broadcast_to(arriving, shape) if np.shape(arriving) != shape and shape == () else arriving
    evaluation = evaluate_arrays(program, leaves, forward.ties, None, arriving)
    found: dict[str, Value] = {}
    for leaf in program.inputs:
        assert isinstance(leaf.static, Input)
        base, places = leaf.static
        gradient = evaluation.gradients[leaf.index]
        if gradient is None:
            gradient = np.zeros(np.shape(leaves[leaf]))
        if places:
            whole = found.setdefault(base, np.zeros(np.shape(before[base])))
            whole[places] += gradient
        else:
            found[base] = gradient
    inner.setdefault(line.target, []).extend(
        evaluation.gradients[node.index] for node in program.lines if evaluation.gradients[node.index] is not None
    )
    yield from found.items()


def forward_shape(program: Any) -> Any:
    """An array of the shape of a program's output."""
    return np.empty(program.shapes[program.output])


def _of_entries(forward: Forward, line: Assignment, before: Memory, arriving: Value) -> Iterator[tuple[str, Value]]:
    """An assignment to entries: what they were receives nothing, what they are the gradient there."""
    machine = forward.machine
    key = machine.key_of(line, before, np.shape(arriving))
    rest = np.array(arriving)
    if line.operator not in ("*", "/") and machine.formula(line.expression, line.at).names:
        shape = np.shape(machine.value(line.expression, line.at, before))
        sent = _summed_to(-rest[key] if line.operator == "-" else rest[key], shape)
        yield from _shares(forward, line._replace(entry="", operator=""), before, sent, {})
    if not line.operator:
        rest[key] = 0.0
    elif line.operator in "*/":
        factor = machine.value(line.expression, line.at, before)
        rest[key] = rest[key] * factor if line.operator == "*" else rest[key] / factor
    yield line.target, rest


def _summed_to(value: Value, shape: tuple[int, ...]) -> Value:
    """The gradient of what was stretched to the shape of a value."""
    value = np.asarray(value)
    value = value.sum(axis=tuple(range(value.ndim - len(shape))))
    stretched = tuple(axis for axis, size in enumerate(shape) if size == 1 != value.shape[axis])
    return value.sum(axis=stretched, keepdims=True)


# -- points -------------------------------------------------------------------------------


def truths(forward: Forward, point: Mapping[str, Value], fixed: frozenset[str]) -> list[Truth]:
    """The given point and others near it, at which all is finite.

    fixed: names that pick entries and stay as they are. Raises GradError where no point can be judged.
    """
    random_numbers = random.Random(SEED)
    given = truth_at(forward, point)._replace(given=True)
    wanted = POINTS[all(np.ndim(value) == 0 for value in given.start.values())]
    found: list[Truth] = [given]
    for draw in range(DRAWS):
        reach = 0.3 * 0.85 ** max(0, draw - wanted)
        moved = {
            name: value if name in fixed else _moved(value, reach, random_numbers) for name, value in point.items()
        }
        truth = truth_at(forward, moved)
        if _finite(truth):
            found.append(truth)
        if len(found) > wanted:
            break
    if len(found) > 2 and _at_kink(forward, point, fixed, given):
        return found[1:]
    if len(found) == 1 and not _finite(given):
        raise UsageMistake("the forward pass is not finite at this point nor near it", hint="give another point")
    return found


def _at_kink(forward: Forward, point: Mapping[str, Value], fixed: frozenset[str], given: Truth) -> bool:
    """Whether the slopes jump at the point: there they are a matter of convention, and the points nearby decide."""
    numbers = random.Random(SEED)
    for _ in range(4):
        near = {name: value if name in fixed else _moved(value, 1e-9, numbers) for name, value in point.items()}
        truth = truth_at(forward, near)
        for name, values in truth.gradients.items():
            difference = np.max(np.abs(np.asarray(values[0]) - given.of(name)), initial=0.0)
            if not difference <= 1e-4 * max(given.scales.get(name, 0.0), float(np.max(np.abs(values[0]), initial=0.0))):
                return True
    return False


def _moved(value: Value, reach: float, numbers: random.Random) -> Value:
    if np.ndim(value) == 0:
        value = float(value)
        return np.float64(
            value * (1 + reach * numbers.uniform(-1, 1)) + (reach * numbers.uniform(-1, 1) if value == 0 else 0)
        )
    return np.array([_moved(entry, reach, numbers) for entry in value])


def _finite(truth: Truth) -> bool:
    values = [value for values in truth.gradients.values() for value in values]
    return all(bool(np.all(np.isfinite(value))) for value in [*values, *truth.start.values()])


def names_fixed(machine: Machine, lines: list[Assignment]) -> frozenset[str]:
    """The names that stand in indices or ranges: what picks entries cannot be moved a little."""
    found: set[str] = set()
    for line in lines:
        try:
            program = machine.formula(line.expression, line.at).program
        except GradError:
            continue
        picking: list[Any] = [
            operand
            for node in program.graph.nodes
            if (node.gate.name == "index" and settings_of(node)) or node.gate.name in ("arange", "reshape")
            for operand in (node.operands[1:] if node.gate.name in ("index", "reshape") else node.operands)
        ]
        while picking:
            node = picking.pop()
            if isinstance(node.static, Input):
                found.add(node.static.base)
            picking += node.operands
        found.update(_names_in(line.entry))
    return frozenset(found)


def _names_in(text: str) -> list[str]:
    return [] if re.search(r"[<>]", text) else re.findall(r"[^\W\d]\w*", text)
