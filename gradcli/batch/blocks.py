"""Steps run over blocks of rows that fit into the cache, in buffers that are used again and again.

A buffer is free as soon as the last step that reads it is done, so that memory beyond inputs and results does not
depend on the number of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from gradcli.batch.steps import Choice, Plan, Step, Steps, needed, reads
from gradcli.batch.table import Array

ROWS = 8192  # of a block
MOST = 1 << 24  # numbers in all buffers together
Function = Callable[..., object]  # of operands and of the array that takes the results
Functions = Callable[[str, tuple[float | None, ...]], Function]


class Call(NamedTuple):
    """A function of some slots into another one."""

    function: Function
    operands: tuple[int, ...]
    out: int


class Test(NamedTuple):
    """The lines up to `end` are one side of a choice: they run unless no row has the condition (if `wanted`)."""

    condition: int
    wanted: bool
    end: int


class Merge(NamedTuple):
    """Both sides of a choice into one slot, which may be that of `yes`."""

    condition: int
    yes: int
    no: int
    out: int


Line = Call | Test | Merge


class Blocks:
    """A plan with its functions and buffers. Slots: inputs, constants, results, then buffers."""

    def __init__(self, plan: Plan, functions: Functions, wanted: Sequence[str]) -> None:
        """functions: of a gate's name and of those of its operands that are numbers; wanted: the results' names."""
        self.plan = plan
        self.functions = functions
        by_value = {plan.results[name]: name for name in reversed(wanted)}
        given = {*plan.inputs.values(), *plan.constants}
        made = {name: value for value, name in by_value.items() if value not in given}
        self.results = list(made)
        self.copies = {name: plan.results[name] for name in wanted if name not in made}
        fixed = [*plan.inputs.values(), *plan.constants, *made.values()]
        self.slots = {value: slot for slot, value in enumerate(fixed)}
        self.first = len(fixed)
        self.kinds: list[type] = []  # of each buffer: float or bool
        self.free: dict[type, list[int]] = {float: [], bool: []}
        self.lines: list[Line] = []
        steps = needed(plan.steps, {plan.results[name] for name in wanted})
        self.last = _last_reads(steps)
        self._lay(steps, count())
        self.rows = max(16, min(ROWS, MOST // max(1, len(self.kinds))))
        self._spare: list[list[Any]] = []  # buffers that no run uses now

    # -- slots ----------------------------------------------------------------------------

    def _lay(self, steps: Steps, clock: Iterator[int]) -> None:
        for step in steps:
            if isinstance(step, Choice):
                self._lay_choice(step, clock)
                continue
            now = next(clock)
            operands = tuple(self.slots[value] for value in step.operands)
            numbers = tuple(self.plan.constants.get(value) for value in step.operands)
            self._release(step, now)
            self.lines.append(Call(self.functions(step.function, numbers), operands, self._slot(step.out)))

    def _lay_choice(self, step: Choice, clock: Iterator[int]) -> None:
        for wanted, side in ((True, step.then), (False, step.other)):
            if side:
                place = len(self.lines)
                self.lines.append(Test(self.slots[step.condition], wanted, 0))
                self._lay(side, clock)
                self.lines[place] = Test(self.slots[step.condition], wanted, len(self.lines))
        now = next(clock)
        condition, yes, no = (self.slots[value] for value in reads(step))
        if self.last[step.yes] == now and yes >= self.first and step.out not in self.slots:
            self.slots[step.out] = yes  # nothing has to be copied where all rows say yes
            out = yes
            self._release(step, now, kept=step.yes)
        else:
            out = self._slot(step.out)
            self._release(step, now)
        self.lines.append(Merge(condition, yes, no, out))

    def _release(self, step: Step | Choice, now: int, kept: int = -1) -> None:
        for value in {*reads(step)} - {kept}:
            if self.last[value] == now and self.slots[value] >= self.first:
                self.free[self.kinds[self.slots[value] - self.first]].append(self.slots[value])

    def _slot(self, value: int) -> int:
        """The slot of a value that is made."""
        if value not in self.slots:
            kind = bool if value in self.plan.conditions else float
            if not self.free[kind]:
                self.free[kind].append(self.first + len(self.kinds))
                self.kinds.append(kind)
            self.slots[value] = self.free[kind].pop()
        return self.slots[value]

    # -- runs -----------------------------------------------------------------------------

    def run(self, inputs: Mapping[str, Array], rows: int) -> dict[str, Array]:
        """The results for so many rows, shape (rows,) each."""
        found = {name: np.empty(rows) for name in [*self.results, *self.copies]}
        buffers = self._spare.pop() if self._spare else [np.empty(self.rows, kind) for kind in self.kinds]
        constants = list(self.plan.constants.values())
        with np.errstate(all="ignore"):
            for start in range(0, rows, self.rows):
                end = min(rows, start + self.rows)
                slots: list[Any] = [np.ascontiguousarray(inputs[key][start:end]) for key in self.plan.inputs]
                slots += [*constants, *(found[name][start:end] for name in self.results)]
                slots += buffers if end - start == self.rows else [buffer[: end - start] for buffer in buffers]
                self._block(slots)
                for name, value in self.copies.items():
                    found[name][start:end] = slots[self.slots[value]]
        self._spare.append(buffers)
        return found

    def _block(self, slots: list[Any]) -> None:
        lines, place = self.lines, 0
        while place < len(lines):
            line = lines[place]
            place += 1
            if isinstance(line, Call):
                line.function(*[slots[operand] for operand in line.operands], slots[line.out])
            elif isinstance(line, Test):
                holds = slots[line.condition]
                if np.count_nonzero(holds) == (0 if line.wanted else len(holds)):
                    place = line.end
            else:
                _merge(slots[line.condition], slots[line.yes], slots[line.no], slots[line.out])


def _merge(condition: Any, yes: Any, no: Any, out: Array) -> None:
    yeses = np.count_nonzero(condition)
    if yeses and yes is not out:
        np.copyto(out, yes)
    if yeses < len(out):
        np.copyto(out, no, where=~condition if yeses else True)


def _last_reads(steps: Steps) -> dict[int, int]:
    """When each value is read last, by the number of the step; a choice comes after its sides."""
    found: dict[int, int] = {}
    counted = 0

    def walk(steps: Steps) -> None:
        nonlocal counted
        for step in steps:
            if isinstance(step, Choice):
                walk(step.then)
                walk(step.other)
            for value in reads(step):
                found[value] = counted
            counted += 1

    walk(steps)
    return found
