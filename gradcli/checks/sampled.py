"""Checks of programs over arrays that are too large to be written out in entries.

numeric: central differences of order four of the array program itself, along random entries and directions, with
steps that cross no kink. forward: speeds along random directions, gate by gate, how a gate passes them on being taken
from differences of its own function, not from the table's rules. Both say how far two steps are apart, and judge no
finer than that.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from time import monotonic
from typing import Any, NamedTuple
from zlib import crc32

import numpy as np

from gradcli.array_evaluate import forward_values
from gradcli.array_pullbacks import kept
from gradcli.array_values import settings_of, value
from gradcli.calculate import varying
from gradcli.checks.verdict import AGREES, CANCELLATION, DISAGREES, SKIPPED, Check, Part, concluded, relative
from gradcli.evaluate import Evaluation
from gradcli.graph import Input, Node
from gradcli.naming import names_of
from gradcli.program import base_of

STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7)  # of the size of what is moved
SMOOTH, BENT = (1e-3, 2.5e-4), (1e-7, 3e-8)  # of gates, and of gates with kinks: two runs
ENTRIES, DIRECTIONS = (4, 24), 2
WORK = 100_000_000  # entries computed again
SECONDS = 20.0
CLOSE = 1e-7  # relative: what is nearer agrees
COARSE = 1e-3  # relative: steps that are farther apart have no answer
EPSILON = float(np.finfo(float).eps)
Values = Sequence[Any] | Mapping[int, Any]  # by index of a node
Moves = dict[Node, Any]  # by leaf: the speed of each of its entries


class Slope(NamedTuple):
    """A slope, and how far it may be off."""

    slope: float
    error: float


class Sample:
    """An evaluation over arrays, and where it is looked at; the same in each run."""

    def __init__(self, evaluation: Evaluation, wrt: list[str] | None) -> None:
        self.evaluation = evaluation
        self.program = evaluation.program
        self.names = names_of(self.program)
        asked = [name for name in varying(self.program) if wrt is None or name in wrt]
        self.leaves = [leaf for leaf in self.program.inputs if base_of(leaf) in asked]
        self.point = {leaf: np.asarray(evaluation.values[leaf.index]) for leaf in self.program.inputs}
        self.scales = {leaf: float(np.max(np.abs(self.point[leaf]), initial=0.0)) or 1.0 for leaf in self.leaves}
        self.seed = np.asarray(evaluation.gradients[self.program.output.index])
        self.deadline = monotonic() + SECONDS
        self.decided = decisions(self.program.order, evaluation.values)

    def entries(self) -> Iterator[tuple[str, Moves]]:
        """Random entries, one at least of each variable: their gradient's name and the move of each alone."""
        chance = random.Random(self.program.text)
        work = sum(np.size(each) for each in self.evaluation.values) * 4 * len(STEPS)
        for number in range(max(len(self.leaves), ENTRIES[0], min(ENTRIES[1], WORK // (work + 1)))):
            leaf = self.leaves[number % len(self.leaves)]
            array = self.point[leaf]
            if array.size:
                place = np.unravel_index(chance.randrange(array.size), array.shape)
                move = np.zeros(array.shape)
                move[place] = abs(array[place]) or self.scales[leaf]
                yield str(Input(self.names.gradient_of(leaf), tuple(map(int, place)))), {leaf: move}

    def directions(self, count: int) -> Iterator[tuple[str, Moves]]:
        """Random moves of all entries at once."""
        numbers = np.random.default_rng(crc32(self.program.text.encode()))
        for number in range(1, count + 1):
            yield (
                f"direction {number}",
                {leaf: self.scales[leaf] * numbers.uniform(-1, 1, self.point[leaf].shape) for leaf in self.leaves},
            )

    def ours(self, moves: Moves) -> tuple[float, float]:
        """The slope along moves by our gradients, and the sum of the sizes of its terms."""
        terms = [np.asarray(self.evaluation.gradient(leaf)) * move for leaf, move in moves.items()]
        return float(sum(term.sum() for term in terms)), float(sum(np.abs(term).sum() for term in terms))

    def moved(self, moves: Moves, step: float) -> float | None:
        """The output where the inputs have moved; None where a kink was crossed on the way."""
        if monotonic() > self.deadline:
            raise TimeoutError(f"more than {SECONDS:g} seconds")
        point = self.point | {leaf: self.point[leaf] + step * move for leaf, move in moves.items()}
        values = forward_values(self.program, point)
        if not alike(self.decided, decisions(self.program.order, values)):
            return None
        return float(np.sum(self.seed * values[self.program.output.index]))


def decisions(order: Sequence[Node], values: Sequence[Any]) -> list[Any]:
    """Which way each entry of each gate with a kink goes, as arrays."""
    return [side for node in order if not node.constant for side in _sides(node, values)]


def _sides(node: Node, values: Values) -> list[Any]:
    gate, out = node.gate, values[node.index]
    operands = [values[operand.index] for operand in node.operands]
    if gate.routes == "entries":
        settings = settings_of(node)
        return [operands[0] == kept(operands[0], out, settings["axis"], settings["keepdims"])]
    if gate.routes:
        return [operand == out for operand in operands]
    if not (gate.partials or gate.pullback):
        return [out]
    return [np.sign(operands[0])] if gate.kink and len(operands) == 1 else []


def alike(before: list[Any], after: list[Any]) -> bool:
    """Whether all gates go the same way."""
    return all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


# -- numeric ------------------------------------------------------------------------------


def numeric(evaluation: Evaluation, wrt: list[str] | None) -> Check:
    """Differences along random entries and directions."""
    sample = Sample(evaluation, wrt)
    with np.errstate(all="ignore"):
        single = [_compared(name, sample.ours(moves), _difference(sample, moves)) for name, moves in sample.entries()]
        several = [
            _compared(name, sample.ours(moves), _difference(sample, moves))
            for name, moves in sample.directions(DIRECTIONS)
        ]
    return concluded("numeric", [*single, *several], f"a sample: {len(single)} entries and {DIRECTIONS} directions")


def _difference(sample: Sample, moves: Moves) -> Slope | None:
    """The slope along moves: of steps that cross no kink the two that agree best."""
    known = [(step, slope) for step in STEPS if (slope := _of_order_four(sample, moves, step)) is not None]
    size = abs(float(np.sum(sample.seed * sample.evaluation.values[sample.program.output.index])))
    pairs = [
        Slope(slope, max(abs(slope - other), EPSILON * size / step)) for (step, slope), (_, other) in pairwise(known)
    ]
    return min((pair for pair in pairs if np.isfinite(pair.slope)), key=lambda pair: pair.error, default=None)


def _of_order_four(sample: Sample, moves: Moves, step: float) -> float | None:
    values = [sample.moved(moves, times * step) for times in (-2, -1, 1, 2)]
    if any(each is None for each in values):
        return None
    far, near, right, farther = (each for each in values if each is not None)
    return (8 * (right - near) - (farther - far)) / (12 * step)


def _compared(name: str, ours: tuple[float, float], theirs: Slope | None) -> Part:
    """Our slope against another one. ours: the slope, and the size of its terms."""
    slope, size = ours
    if theirs is None:
        return Part(name, slope, verdict=SKIPPED, note="there is a kink within every step")
    room = 10 * theirs.error + CLOSE * max(abs(theirs.slope), EPSILON * size)
    part = Part(name, slope, theirs.slope, theirs.slope, AGREES, relative(slope, theirs.slope))
    if not np.isfinite(slope):
        return part._replace(verdict=SKIPPED, note="the gradient is no finite number")
    if abs(slope - theirs.slope) <= room:
        rough = abs(slope - theirs.slope) > CLOSE * abs(theirs.slope)
        return part._replace(verdict=CANCELLATION, note="differences are no finer here") if rough else part
    if theirs.error > COARSE * max(abs(slope), abs(theirs.slope)):
        return part._replace(verdict=SKIPPED, note="differences have no answer here")
    return part._replace(verdict=DISAGREES, note=f"the slope is {theirs.slope:.9g}, not {slope!r}")


# -- forward ------------------------------------------------------------------------------


def forward(evaluation: Evaluation, wrt: list[str] | None) -> Check:
    """The dot-product test along random directions."""
    sample = Sample(evaluation, wrt)
    with np.errstate(all="ignore"):
        parts = [_dotted(sample, name, moves) for name, moves in sample.directions(DIRECTIONS + 1)]
    return concluded("forward", parts, f"a sample: {len(parts)} directions, each gate by differences")


def _dotted(sample: Sample, name: str, moves: Moves) -> Part:
    first, second = (_speed(sample, moves, *steps) for steps in zip(SMOOTH, BENT, strict=True))
    if first is None or second is None:
        return Part(name, sample.ours(moves)[0], verdict=SKIPPED, note="there is a kink within every step")
    slope, size = sample.ours(moves)
    return _compared(name, (slope, size), Slope(second, max(abs(first - second), CLOSE * COARSE * size)))


def _speed(sample: Sample, moves: Moves, smooth: float, bent: float) -> float | None:
    """How fast the output moves when the inputs move so; None at a kink."""
    values = sample.evaluation.values
    speeds: dict[int, Any] = {leaf.index: move for leaf, move in moves.items()}
    for node in sample.program.order:
        if any(operand.index in speeds for operand in node.operands):
            speed = _passed(node, values, speeds, bent if _bends(node) else smooth)
            if speed is None:
                return None
            speeds[node.index] = speed
    return float(np.sum(sample.seed * speeds.get(sample.program.output.index, 0.0)))


def _bends(node: Node) -> bool:
    return bool(node.gate.kink or node.gate.routes) or not (node.gate.partials or node.gate.pullback)


def _passed(node: Node, values: Sequence[Any], speeds: Mapping[int, Any], step: float) -> Any:
    """The speed of a gate's value, by differences of order four of its function at our operands."""
    fastest = max(float(np.max(np.abs(speeds.get(each.index, 0.0)), initial=0.0)) for each in node.operands)
    step = step / (fastest or 1.0)
    before = _sides(node, values)
    found = []
    for times in (-2, -1, 1, 2):
        moved = {each.index: values[each.index] + times * step * speeds.get(each.index, 0.0) for each in node.operands}
        moved[node.index] = value(node.gate, tuple(moved[each.index] for each in node.operands), settings_of(node))
        if not alike(before, _sides(node, moved)):
            return None
        found.append(moved[node.index])
    return (8 * (found[2] - found[1]) - (found[3] - found[0])) / (12 * step)
