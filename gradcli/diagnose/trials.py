"""The state of a walk along the lines of the way back, and whether other lines would have made a gradient right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gradcli.diagnose.machine import Machine, Memory, Value, copied, same
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.repairs import Scope
from gradcli.diagnose.roles import Roles, words_in
from gradcli.diagnose.truth import Truth
from gradcli.errors import GradError

BARE = re.compile(r"[^\W\d][\w.]*(\.T|\[.*\])?")  # what makes no new array


class Blame(NamedTuple):
    """place: the line's number on the way back; line: as it should be, or None; before: a line to be put before it.

    via: the names through which something is missing, or the name that is read too early; moved: where the line goes.
    also: other lines that change with it.
    """

    kind: str
    place: int
    name: str
    line: Assignment | None
    before: Assignment | None
    via: str
    moved: int
    gives: list[Value]
    expected: list[Value]
    also: tuple[tuple[int, Assignment], ...] = ()


class Trials:
    """The state between two lines; memories: one for each point.

    lines: those of the way back, repaired as far as the walk has come. snapshots: the memories before each line.
    overrides: by line, the gradients that are made true before it. writes: by name, the lines that assign it.
    """

    def __init__(self, machine: Machine, roles: Roles, truths: list[Truth], scope: Scope) -> None:
        self.machine = machine
        self.roles = roles
        self.truths = truths
        self.scope = scope
        self.lines: list[Assignment | None] = list(roles.backward)
        self.memories = [copied(truth.start) for truth in truths]
        self.snapshots: list[list[Memory]] = []
        self.overrides: dict[int, list[str]] = {}
        self.writes: dict[str, list[int]] = {}
        self.unstarted: dict[str, int] = {}
        self.skipped: set[int] = set()
        self.accepted: dict[str, int] = {}
        self.blames: list[Blame] = []
        self.leaves: list[str] = []
        self.sharing = bool(scope.numpy) and any(BARE.fullmatch(line.expression) for line in roles.backward)
        self.reused: dict[str, int] = {}
        self.renamed: dict[str, str] = {}

    def reads(self, line: Assignment) -> list[str]:
        """The names that a line reads. Raises GradError where it cannot be read."""
        names = list(self.machine.formula(line.expression, line.at).names)
        return [*names, *re.findall(r"[^\W\d]\w*", line.entry)]

    def step(self, place: int) -> None:
        """Carry out one line at all points."""
        line = self.lines[place]
        if line is None or place in self.skipped:
            return
        if line.operator and not line.entry and line.target not in self.memories[0]:
            self.unstarted.setdefault(line.target, place)
        self.writes.setdefault(line.target, []).append(place)
        if line.target in self.truths[0].start and not (
            self.roles.subjects.get(line.target) or line.operator or line.entry
        ):
            self.reused[line.target] = place
        for memory, truth in zip(self.memories, self.truths, strict=True):
            self.carry_out(line, memory, truth)

    def carry_out(self, line: Assignment, memory: Memory, truth: Truth) -> bool:
        """One line at one point; what cannot be evaluated is nan. Returns whether it could be."""
        subject = self.roles.subjects.get(line.target, "")
        try:
            self.machine.carry_out(line, memory, truth.start.get(subject, 0.0))
        except GradError:
            memory[line.target] = np.float64(np.nan)
            return False
        return True

    def _targets(self) -> set[str]:
        return {line.target for line in self.roles.backward}

    def is_true(self, name: str, memories: list[Memory]) -> bool:
        """Whether a gradient is the true one at all points."""
        return all(self.agrees(name, memory, truth) for memory, truth in zip(memories, self.truths, strict=True))

    def agrees(self, name: str, memory: Memory, truth: Truth) -> bool:
        subject = self.roles.subjects[name]
        scale = truth.scales.get(subject, 0.0)
        if name not in memory:
            return False
        given = memory[name]
        if name not in self.leaves:
            given = _stretched(given, np.shape(truth.of(subject)))
        return any(same(given, value, scale) for value in truth.gradients[subject])

    def values(self, name: str) -> list[Value]:
        """A gradient at all points."""
        return [np.array(memory.get(name, np.nan)) for memory in self.memories]

    def expected(self, name: str) -> list[Value]:
        """The true gradient at all points."""
        return [truth.of(self.roles.subjects[name]) for truth in self.truths]

    def _pairs(self) -> Iterator[tuple[Memory, Truth]]:
        pairs = list(zip(self.memories, self.truths, strict=True))
        return iter([*pairs[1:], pairs[0]])

    def suspects(self, name: str, place: int) -> list[int]:
        """The lines that made a gradient: its own, and those of temporaries that they read."""
        found: set[int] = set()
        waiting = [name]
        known: set[str] = set()
        while waiting:
            one = waiting.pop()
            if one in known:
                continue
            known.add(one)
            for at in self.writes.get(one, []):
                line = self.lines[at]
                if at >= place or line is None:
                    continue
                found.add(at)
                waiting += [
                    read for read in self.reads(line) if read not in self.roles.subjects and read in self.writes
                ]
        return sorted(found)

    def trial(self, changed: dict[int, Assignment | None], name: str, place: int) -> bool:
        """Whether a gradient is true before line `place` when some lines are others."""
        first = min(changed)
        slice_ = self._slice(name, first, place, changed)
        if not all(line is None or self._is_readable(line) for line in changed.values()):
            return False
        tried = [self.roles.backward[at] for at in changed]
        tried += [line for at in slice_ if (line := changed.get(at, self.lines[at])) is not None]
        inside: set[int] | None = None
        for point in [*range(1, len(self.truths)), 0]:
            truth = self.truths[point]
            memory = self._before(first, point, tried)
            for at in slice_:
                for one in self.overrides.get(at, []):
                    memory[one] = np.array(truth.of(self.roles.subjects[one]))[()]
                line = changed.get(at, self.lines[at])
                if line is not None and not self.carry_out(line, memory, truth) and at in changed:
                    return False
            if not self.agrees(name, memory, truth):
                inside = self._inside_at(name, memory, truth, inside)
                if not inside:
                    return False
        return True

    def _inside_at(self, name: str, memory: Memory, truth: Truth, before: set[int] | None) -> set[int]:
        """Which nodes inside the line that made its subject a gradient may be that of, if it is led on in place."""
        own = [self._line(at) for at in self.writes.get(name, [])]
        if name not in memory or not any(line.entry or (line.operator in "*/" and line.operator) for line in own):
            return set()
        subject = self.roles.subjects[name]
        nodes = truth.inner.get(subject, [])
        scale = truth.scales.get(subject, 0.0)
        found = {which for which, value in enumerate(nodes) if same(memory[name], value, scale)}
        return found if before is None else found & before

    def _is_readable(self, line: Assignment) -> bool:
        try:
            self.reads(line)
        except GradError:
            return False
        return True

    def _before(self, first: int, point: int, lines: list[Assignment]) -> Memory:
        """A memory to try lines on: what they do not assign is as it is now, unless arrays are shared."""
        before = self.snapshots[first][point]
        if self.sharing:
            return copied(before)
        targets = {line.target for line in lines}
        names = targets.union(*(self.reads(line) for line in lines))
        now = self.memories[point]
        found = {name: (before if name in targets or name not in now else now).get(name) for name in names}
        return copied({name: value for name, value in found.items() if value is not None})

    def _slice(self, name: str, first: int, place: int, changed: dict[int, Assignment | None]) -> list[int]:
        """The lines from the first changed one that matter to a gradient; where names share arrays, all."""
        every = [at for at in range(first, place) if at not in self.skipped]
        if self.sharing:
            return every
        wanted = {self.roles.backward[at].target for at in self.suspects(name, place)} | {name}
        wanted |= {line.target for line in changed.values() if line is not None}
        return [at for at in every if self.roles.backward[at].target in wanted or at in changed]

    def _of_line(self, kind: str, at: int, fixed: Assignment | None, name: str, via: str = "") -> Blame:
        """A blame with what the line's own target has in the end and should have."""
        return Blame(kind, at, name, fixed, None, via, -1, self.values(name), self.expected(name))

    def _readers(self, name: str) -> int:
        """How many lines of the way back read a name."""
        return sum(name in words_in(line.expression) for line in self.roles.backward)

    def _scope(self, at: int) -> Scope:
        """The scope with the gradients that have a value before a line."""
        memory = self.snapshots[at][0]
        names = [name for name in self.scope.names if re.split(r"\[", name)[0] in memory]
        axes = {name: int(np.ndim(memory[name])) for name in memory}
        shares = tuple(
            name
            for name in dict.fromkeys(line.target for line in self.roles.backward)
            if name in memory and name not in self.roles.subjects and name not in self.truths[0].start
        )
        return self.scope._replace(names=names, axes=axes, shares=shares)

    def _contributions(self, subject: str) -> list[int]:
        return [which for which, sent in enumerate(self.truths[0].sent) if sent.name == subject]

    def trial_with(self, at: int, new: Assignment, name: str, place: int) -> bool:
        """Whether a gradient is true before line `place` when a line is put in before line `at`."""
        for point in [*range(1, len(self.truths)), 0]:
            truth = self.truths[point]
            memory = copied(self.snapshots[at][point]) if at < len(self.snapshots) else copied(self.memories[point])
            if not self.carry_out(new, memory, truth):
                return False
            for one in range(at, place):
                line = self.lines[one]
                if line is not None and one not in self.skipped:
                    self.carry_out(line, memory, truth)
            if not self.agrees(name, memory, truth):
                return False
        return True

    def _read_now(self, at: int) -> list[str]:
        line = self.lines[at]
        return [] if line is None else self.reads(line)

    def _line(self, at: int) -> Assignment:
        return self.lines[at] or self.roles.backward[at]

    def _record(self, blame: Blame) -> None:
        if any(
            other.place == blame.place and other.kind == blame.kind and other.name == blame.name
            for other in self.blames
        ):
            return
        self.blames.append(blame)

    def _settle(self, blame: Blame, place: int) -> None:
        """Note a slip, and go on as if it had not been made."""
        self._record(blame)
        if blame.before is not None:
            self.unstarted.pop(blame.name, None)
        if blame.kind == "overwritten":
            self.lines[blame.place] = blame.line
            self._again(blame.place, place)
        elif blame.line is not None and blame.place < place:
            self.lines[blame.place] = blame.line
            if self.roles.backward[blame.place].target != blame.name or self.scope.numpy:
                self._again(blame.place, place)
        self._make_true([blame.via] if blame.kind == "order" else [blame.name], place)

    def _make_true(self, names: list[str], place: int) -> None:
        """Put the true gradients in place before a line."""
        for name in names:
            if self.roles.subjects.get(name):
                self.overrides.setdefault(place, []).append(name)
                for memory, truth in zip(self.memories, self.truths, strict=True):
                    memory[name] = np.array(truth.of(self.roles.subjects[name]))[()]
        self.accepted.update({name: len(self.writes.get(name, [])) for name in names})

    def _again(self, first: int, place: int) -> None:
        """Carry out the lines from the repaired one once more."""
        self.memories = [copied(memory) for memory in self.snapshots[first]]
        for at in range(first, place):
            for memory, truth in zip(self.memories, self.truths, strict=True):
                for one in self.overrides.get(at, []):
                    memory[one] = np.array(truth.of(self.roles.subjects[one]))[()]
                line = self.lines[at]
                if line is not None and at not in self.skipped:
                    self.carry_out(line, memory, truth)
            if at + 1 < len(self.snapshots):
                self.snapshots[at + 1] = [copied(memory) for memory in self.memories]


def _stretched(value: Value, shape: tuple[int, ...]) -> Value:
    """A value in a larger shape, if NumPy would stretch it: on the way, one number serves for all entries of a row."""
    if np.shape(value) == shape or np.ndim(value) > len(shape):
        return value
    try:
        return np.broadcast_to(value, shape)
    except ValueError:
        return value
