"""What the exact methods share about one evaluation: exact values, local slopes, what is asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from time import monotonic
from typing import Any

import mpmath

from gradcli.backward import active
from gradcli.checks.precise import Number, apply
from gradcli.checks.slopes import Scale, Sides, scale_of, sides
from gradcli.evaluate import Evaluation
from gradcli.gates import INPUT
from gradcli.graph import Node
from gradcli.naming import Names, names_of
from gradcli.program import Program, used_by_output

SECONDS = 20.0  # erfc of 30 to a thousand digits alone takes one
Local = dict[tuple[int, int], Sides]  # by node and place of the operand


class Scene:
    """One evaluation, and the same stage list in mpmath numbers at the same point.

    What is asked of it raises UnknownGate where a gate cannot be computed, TimeoutError where that takes too long.
    """

    def __init__(self, evaluation: Evaluation, wrt: list[str] | None = None) -> None:
        self.evaluation = evaluation
        self.give_time()
        self.program: Program = evaluation.program
        self.arrivals: dict[int, Any] = {}  # filled by rounding.arrivals
        self.active = active(self.program, wrt)
        self.off: dict[int, Number] = {}  # by how much a value may be off that the program has not worked out alone
        self.used = used_by_output(self.program)
        self.given = {*self.program.lines, *self.program.inputs}  # what has a gradient of ours

    @cached_property
    def scale(self) -> Scale:
        """The digits and steps that the sizes of the values ask for."""
        with mpmath.workdps(95):
            return scale_of([*self._values(), *map(mpmath.mpf, self.floats)])

    @cached_property
    def exact(self) -> list[Number]:
        """The value of each node without rounding; constant parts are what the program computes them to be."""
        with self.precision():
            return self._values()

    def give_time(self) -> None:
        """Start the clock for one method."""
        self.deadline = monotonic() + SECONDS

    def apply(self, node: Node, operands: list[Number]) -> Number:
        """The value of a gate. Raises TimeoutError when all of this takes too long."""
        if monotonic() > self.deadline:
            raise TimeoutError(f"more than {SECONDS:g} seconds")
        return apply(node.gate, operands)

    def precision(self) -> mpmath.ctx_mp.PrecisionManager:
        """The digits that slopes need, for a `with` statement."""
        return mpmath.workdps(self.scale.digits)

    @property
    def floats(self) -> list[float]:
        """The values as the program has them."""
        return self.evaluation.values

    @cached_property
    def names(self) -> Names:
        """What nodes and their gradients are called."""
        return names_of(self.program)

    @cached_property
    def lines(self) -> list[Node]:
        """The lines with a gradient of ours that lead from inputs asked for to the output, in order."""
        return [line for line in self.program.lines if line in self.given and self._wanted(line)]

    @cached_property
    def inputs(self) -> list[Node]:
        """The input leaves asked for."""
        return [leaf for leaf in self.program.inputs if self.active[leaf.index]]

    @cached_property
    def nodes(self) -> list[Node]:
        """The gates that lead from inputs asked for to the output, in order; some are printed inside a line."""
        return [node for node in self.program.order if self._wanted(node)]

    def directions(self, count: int) -> Iterator[dict[int, float]]:
        """Random moves of all inputs at once, by index of the leaf; the same ones in each run."""
        chance = random.Random(len(self.nodes))
        for _ in range(count):
            yield {leaf.index: chance.uniform(-1, 1) for leaf in self.inputs}

    def sample(self, nodes: Sequence[Node], most: int) -> list[Node]:
        """At most so many of the nodes, at random, in their order; the same ones in each run."""
        if len(nodes) <= most:
            return list(nodes)
        return [nodes[place] for place in sorted(random.Random(self.program.text).sample(range(len(nodes)), most))]

    def _wanted(self, node: Node) -> bool:
        return bool(self.active[node.index] and self.used[node.index])

    def _values(self) -> list[Number]:
        values = [mpmath.nan] * len(self.floats)
        for node in self.program.graph.nodes:
            if node.constant or node.gate is INPUT:
                values[node.index] = mpmath.mpf(self.floats[node.index])
        for node in self.program.order:
            if not node.constant:
                values[node.index] = self.apply(node, [values[operand.index] for operand in node.operands])
        return values

    def rerun(self, moved: Mapping[int, Number]) -> Number:
        """The output when some nodes have other values; what depends on them is computed again."""
        values = dict(moved)
        for node in self.nodes:
            if node.index not in values and any(operand.index in values for operand in node.operands):
                operands = [values.get(operand.index, self.exact[operand.index]) for operand in node.operands]
                values[node.index] = self.apply(node, operands)
        return values.get(self.program.output.index, self.exact[self.program.output.index])

    @cached_property
    def at_floats(self) -> Local:
        """Local slopes of each gate where the program has its operands."""
        return self._local([mpmath.mpf(value) for value in self.floats])

    @cached_property
    def at_exact(self) -> Local:
        """Local slopes of each gate at the exact values."""
        return self._local(self.exact)

    def _local(self, values: list[Number]) -> Local:
        found: Local = {}
        with self.precision():
            for node in self.nodes:
                operands = [values[operand.index] for operand in node.operands]
                value = self.apply(node, operands)
                for place, operand in enumerate(node.operands):
                    if self.active[operand.index]:
                        found[node.index, place] = self._sides(node, operands, value, place)
        return found

    def _sides(self, node: Node, operands: list[Number], value: Number, place: int) -> Sides:
        return sides(along(node, operands, place), operands[place], value, self.scale)


def along(node: Node, operands: list[Number], place: int) -> Callable[[Number], Number]:
    """A gate as a function of one of its operands."""

    def function(x: Number) -> Number:
        return apply(node.gate, [*operands[:place], x, *operands[place + 1 :]])

    return function
