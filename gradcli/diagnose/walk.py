"""Line by line along the way back: each line on what it should have found, so that one slip is blamed once.

Wherever a gradient is read it must be complete, and at the end those of the inputs. Where it is not, the lines
that made it are suspects; the repair that makes it right at all points names line and kind. Then the true
gradient takes its place, and the walk goes on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from gradcli.diagnose.derived import NONE, Contribution, derived
from gradcli.diagnose.machine import Machine, Memory, Value, copied, same
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.repairs import Repair, Scope, operators, repairs
from gradcli.diagnose.roles import Roles, words_in
from gradcli.diagnose.truth import Sent, Truth
from gradcli.errors import GradError

CHEAP = 1.0
COSTLY = 2.0  # a repair of that cost is a guess, for which there may be a better one
PLACE = "upstream__"
BARE = re.compile(r"[^\W\d][\w.]*(\.T|\[.*\])?")  # what makes no new array
MOST_TRIALS = 2_500
LATE = 1_000_000


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


class Walk:
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

    # -- along the lines ------------------------------------------------------------------

    def run(self, leaves: Iterable[str]) -> list[Blame]:
        """All slips, in order. leaves: the gradients that must be right in the end."""
        self.leaves = list(leaves)
        for place, line in enumerate(self.roles.backward):
            self.snapshots.append([copied(memory) for memory in self.memories])
            for name in self.reads(line):
                self.judge(name, place, line)
            self.step(place)
        self.snapshots.append([copied(memory) for memory in self.memories])
        for name in leaves:
            self.judge(name, len(self.lines), None)
        for name in list(self.unstarted):
            self._blame_unstarted(name)
        return sorted(self.blames, key=lambda blame: blame.place)

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

    # -- judgement ------------------------------------------------------------------------

    def judge(self, name: str, place: int, line: Assignment | None) -> None:
        """Whether a gradient that is read before line `place` is complete; if not, who is to blame."""
        subject = self.roles.subjects.get(name)
        if subject is None or name not in self._targets():
            if line is not None and name not in self.memories[0] and name != line.target:
                self._unknown(name, place, line)
            return
        own = line is not None and line.target == name
        if own and not (line and place and self.writes.get(name)):
            return
        if own or self.accepted.get(name) == len(self.writes.get(name, [])):
            return
        self.accepted[name] = len(self.writes.get(name, []))
        if self.is_true(name, self.memories):
            if name in self.unstarted:
                self._blame_unstarted(name)
            return
        if name in self.memories[0] and self._is_inside(name, subject):
            return
        self._find(name, subject, place)

    def _targets(self) -> set[str]:
        return {line.target for line in self.roles.backward}

    def is_true(self, name: str, memories: list[Memory]) -> bool:
        """Whether a gradient is the true one at all points."""
        return all(self.agrees(name, memory, truth) for memory, truth in zip(memories, self.truths, strict=True))

    def agrees(self, name: str, memory: Memory, truth: Truth) -> bool:
        subject = self.roles.subjects[name]
        scale = truth.scales.get(subject, 0.0)
        return name in memory and any(same(memory[name], value, scale) for value in truth.gradients[subject])

    def _is_inside(self, name: str, subject: str) -> bool:
        """Whether a gradient that was complete has been led on to a node inside the line that made its subject."""
        if len(self.writes.get(name, [])) < 2:
            return False
        candidates = len(self.truths[0].inner.get(subject, []))
        return any(
            all(
                same(memory[name], truth.inner[subject][which], truth.scales.get(subject, 0.0))
                for memory, truth in zip(self.memories, self.truths, strict=True)
            )
            for which in range(candidates)
        )

    def _blame_unstarted(self, name: str) -> None:
        place = self.unstarted.pop(name)
        line = self.roles.backward[place]
        values = self.values(name)
        self._record(Blame("assign", place, name, line._replace(operator=""), None, "", -1, values, values))

    def values(self, name: str) -> list[Value]:
        """A gradient at all points."""
        return [np.array(memory.get(name, np.nan)) for memory in self.memories]

    def expected(self, name: str) -> list[Value]:
        """The true gradient at all points."""
        return [truth.of(self.roles.subjects[name]) for truth in self.truths]

    def _unknown(self, name: str, place: int, line: Assignment) -> None:
        """A name that has no value: a gradient whose line is missing, or an error."""
        subject = self.roles.subjects.get(name, "")
        later = [at for at in range(place, len(self.lines)) if self.roles.backward[at].target == name]
        if later and name not in self.writes:
            self._too_early(name, place, later)
            return
        if not subject:
            self.machine.value(line.expression, line.at, self.memories[0])  # says which name has no value
            return
        self.insert(name, subject, place)

    # -- who is to blame ------------------------------------------------------------------

    def _find(self, name: str, subject: str, place: int) -> None:
        if self._reread_further(name, place):
            return
        for hypothesis in (
            self._order,
            self._aliasing,
            self._overwritten,
            self._other_operator,
            self._missing,
            self._repaired,
            self._extra,
            self._unscaled,
        ):
            blame = hypothesis(name, subject, place)
            if blame is not None:
                self._settle(blame, place)
                return
        self._fallback(name, subject, place)

    def _order(self, name: str, subject: str, place: int) -> Blame | None:
        """Whether later lines complete the gradient: then it is read too early."""
        later = [at for at in range(place, len(self.lines)) if self.roles.backward[at].target == name]
        if not later or place == len(self.lines):
            return None
        for memory, truth in self._pairs():
            trial = copied(memory)
            for at in range(place, len(self.lines)):
                line = self.lines[at]
                if line is not None and at not in self.skipped:
                    self.carry_out(line, trial, truth)
            if not self.agrees(name, trial, truth):
                return None
        self.skipped.update(later)
        line = self.roles.backward[place]
        return Blame("order", place, line.target, None, None, name, later[-1], self.values(name), self.expected(name))

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

    def _aliasing(self, name: str, subject: str, place: int) -> Blame | None:
        """Whether a copy of an array would have kept the gradient."""
        if not self.scope.numpy:
            return None
        for at in range(min(place, len(self.lines))):
            line = self.lines[at]
            if line is None or line.operator or line.entry or not BARE.fullmatch(line.expression):
                continue
            value = self.snapshots[at][0].get(line.expression.partition(".")[0])
            if not isinstance(value, np.ndarray):
                continue
            fixed = line._replace(expression=f"{line.expression}.copy()")
            if self.trial({at: fixed}, name, place):
                return self._of_line("aliasing", at, fixed, name)
        return None

    def _of_line(self, kind: str, at: int, fixed: Assignment | None, name: str, via: str = "") -> Blame:
        """A blame with what the line's own target has in the end and should have."""
        return Blame(kind, at, name, fixed, None, via, -1, self.values(name), self.expected(name))

    def _other_operator(self, name: str, subject: str, place: int) -> Blame | None:
        """Whether `=` should be `+=`, or the other way round."""
        for at in self.suspects(name, place):
            line = self._line(at)
            for repair in operators(line, line.target in self.snapshots[at][0]):
                if line.target == name and repair.cost < CHEAP and self.trial({at: repair.line}, name, place):
                    return self._of_line(repair.kind, at, repair.line, name)
        return None

    def _repaired(self, name: str, subject: str, place: int) -> Blame | None:
        best: tuple[float, int, Repair] | None = None
        trials = 0
        for at in [*self.suspects(name, place), *self._led_on(name, place)]:
            line = self.lines[at]
            if line is None or (
                line.target != name
                and not line.entry
                and self._recognised(line.target)
                and self._readers(line.target) < 2
            ):
                continue
            had_value = line.target in self.snapshots[at][0]
            for repair in sorted(repairs(line, self._scope(at), had_value), key=lambda repair: repair.cost):
                if best is not None and repair.cost >= best[0]:
                    break
                trials += 1
                if trials > MOST_TRIALS:
                    break
                if self.trial({at: repair.line}, name, place):
                    best = repair.cost, at, repair
                    break
        if best is None:
            return None
        cost, at, repair = best
        if cost >= COSTLY:
            blame = self._unscaled(name, subject, place, shared=True)
            if blame is not None and blame.before is not None:
                alone = self._wrong_leaves(at, {at: repair.line}, None)
                if self._wrong_leaves(blame.place, {}, blame.before) < alone:
                    return blame
        return self._of_line(repair.kind, at, repair.line, name)

    def _readers(self, name: str) -> int:
        """How many lines of the way back read a name."""
        return sum(name in words_in(line.expression) for line in self.roles.backward)

    def _led_on(self, name: str, place: int) -> list[int]:
        """The lines that change in place what the suspects read: masks, mostly."""
        read = {one for at in self.suspects(name, place) for one in self._read_now(at)} - {name}
        own = [at for one in read if one in self.roles.subjects for at in self.writes.get(one, [])]
        return sorted(
            at for at in own if at < place and (self._line(at).entry or self._line(at).operator in ("*", "/"))
        )

    def _scope(self, at: int) -> Scope:
        """The scope with the gradients that have a value before a line."""
        memory = self.snapshots[at][0]
        names = [name for name in self.scope.names if re.split(r"\[", name)[0] in memory]
        axes = {name: int(np.ndim(memory[name])) for name in memory}
        return self.scope._replace(names=names, axes=axes)

    def _recognised(self, name: str) -> bool:
        """Whether a temporary is something that has a meaning: a contribution, a gradient, a local gradient."""
        return any(all(self._means(name, which, number) for number in range(len(self.truths)))
                   for which in range(len(self.truths[0].sent)))  # fmt: skip

    def _means(self, name: str, which: int, number: int) -> bool:
        truth, value = self.truths[number], self.memories[number].get(name)
        if which >= len(truth.sent) or value is None:
            return False
        sent = truth.sent[which]
        upstream = truth.gradients[sent.user][0]
        if same(value, sent.value, truth.scales.get(sent.name, 0.0)):
            return True
        if np.shape(upstream) != np.shape(sent.value):
            return False
        with np.errstate(all="ignore"):
            return same(value, sent.value / upstream, 0.0)

    # -- lines that are not there ---------------------------------------------------------

    def _contributions(self, subject: str) -> list[int]:
        return [which for which, sent in enumerate(self.truths[0].sent) if sent.name == subject]

    def _missing(self, name: str, subject: str, place: int) -> Blame | None:
        """Whether what lacks is what some uses of the subject send."""
        own = self._contributions(subject)
        if name not in self.memories[0] or any(np.shape(m[name]) != np.shape(t.of(subject)) for m, t in self._pairs()):
            return None
        if self.writes.get(name) and not any(np.any(value) for value in self.values(name)):
            return None  # there are lines, and nothing comes of them: they are wrong themselves
        sizes = range(1, min(len(own), 3) + 1)
        for chosen in itertools.chain.from_iterable(itertools.combinations(own, size) for size in sizes):
            if all(
                same(memory[name] + sum(truth.sent[which].value for which in chosen), truth.of(subject),
                     truth.scales.get(subject, 0.0))
                for memory, truth in self._pairs()
            ):  # fmt: skip
                return self._added(name, subject, place, [self.truths[0].sent[which] for which in chosen])
        return None

    def _added(self, name: str, subject: str, place: int, lacking: list[Sent]) -> Blame:
        """The line that is missing, put where the gradients that it needs are complete."""
        users = ", ".join(dict.fromkeys(sent.user for sent in lacking))
        at = self._where_missing(name, place, lacking)
        started = any(write < at for write in self.writes.get(name, []))
        line = self._written(name, lacking, at, started)
        values, expected = self.values(name), self.expected(name)
        kind = "missing"
        return Blame(kind, min(at, len(self.lines)), name, None, line, users, -1, values, expected)

    def _where_missing(self, name: str, place: int, lacking: list[Sent]) -> int:
        """Behind the lines that pass back through the same forward line, or that complete what is passed on."""
        gradients = self._gradients_of({sent.user for sent in lacking})
        read = [
            at
            for at in range(place)
            if self.lines[at] is not None and gradients & set(self.reads(self.roles.backward[at]))
        ]
        made = [at for gradient in gradients for at in self.writes.get(gradient, []) if at < place]
        return max([*read, *made], default=place - 1) + 1

    def _gradients_of(self, subjects: set[str]) -> set[str]:
        return {
            name for name, subject in self.roles.subjects.items() if subject in subjects and name in self.memories[0]
        }

    def _local_written(self, name: str, place: int) -> Assignment | None:
        """A local gradient as an assignment, if it can be written."""
        user, of = self.roles.locals[name]
        sent = next((one for one in self.truths[0].sent if (one.user, one.name) == (user, of)), None)
        if sent is None:
            return None
        found = derived(self.machine, sent.line, of, PLACE, self.truths[0].start, self.scope.module, False)
        model = self._line(min(place, len(self.lines) - 1))
        text = _put_in(found.text, "1.0")
        return model._replace(target=name, entry="", operator="", expression=text, at=LATE + place) if text else None

    def _written(self, name: str, lacking: list[Sent], at: int, started: bool) -> Assignment | None:
        """The missing contributions as an assignment, if they can be written."""
        texts, entry = [], ""
        for sent in lacking:
            found = self._one_written(sent, 0, not started)
            if not found.text:
                return None
            texts.append(found.text)
            entry = found.entry
        model = self.roles.backward[min(at, len(self.roles.backward) - 1)]
        return model._replace(
            target=name, entry=entry, operator="+" if started else "", expression=" + ".join(texts), at=LATE + at
        )

    def _one_written(self, sent: Sent, depth: int, whole: bool) -> Contribution:
        """One contribution, in terms of the gradients that there are; through others it is written out."""
        memory, module = self.truths[0].start, self.scope.module
        upstream = next(iter(sorted(self._gradients_of({sent.user}))), "")
        if upstream:
            return derived(self.machine, sent.line, sent.name, upstream, memory, module, whole)
        inner = "1.0"
        if sent.user != self.roles.output:
            above = [self.truths[0].sent[which] for which in self._contributions(sent.user)]
            texts = [self._one_written(one, depth + 1, False).text for one in above] if depth < 3 else [""]
            if not texts or "" in texts:
                return NONE
            inner = texts[0] if len(texts) == 1 else f"({' + '.join(texts)})"
        found = derived(self.machine, sent.line, sent.name, PLACE, memory, module, whole)
        return found._replace(text=_put_in(found.text, inner))

    def insert(self, name: str, subject: str, place: int) -> None:
        """A gradient that is read and never assigned."""
        if name in self.roles.locals and " by " in subject:
            line = self._local_written(name, place)
            user, _ = self.roles.locals[name]
            nothing = [np.float64(np.nan) for _ in self.truths]
            self._settle(Blame("missing", place, name, None, line, user, -1, nothing, self.expected(name)), place)
            return
        lacking = [self.truths[0].sent[which] for which in self._contributions(subject)]
        if subject == self.roles.output:
            shape = np.shape(self.truths[0].of(subject))
            text = f"{self.scope.module}ones_like({subject})" if shape else "1.0"
            line = self._line(place)._replace(target=name, entry="", operator="", expression=text, at=LATE + place)
            nothing = [np.float64(np.nan) for _ in self.truths]
            self._settle(Blame("missing", place, name, None, line, subject, -1, nothing, self.expected(name)), place)
            return
        self._settle(self._added(name, subject, place, lacking)._replace(place=place), place)

    def _extra(self, name: str, subject: str, place: int) -> Blame | None:
        for at in self.writes.get(name, []):
            if at < place and len(self.writes[name]) > 1 and self.trial({at: None}, name, place):
                return self._of_line("extra", at, None, name)
        return None

    def _unscaled(self, name: str, subject: str, place: int, shared: bool = False) -> Blame | None:
        """Whether a line is missing that changes a gradient in place: a mask, or a division by a count.

        shared: of gradients alone that several lines read.
        """
        own = self.suspects(name, place)
        read = {one for at in own for one in self._read_now(at)} & set(self.writes)
        for gradient in [*([] if shared else [name]), *sorted(read - {name})]:
            last = (
                max((at for at in self.writes[gradient] if at < place), default=-1) if gradient in self.writes else -1
            )
            if last < 0 or not self.scope.numpy or (shared and self._readers(gradient) < 2):
                continue
            model = self._line(last)
            for new in self._scalings(gradient, model):
                first = min((at for at in own if at > last), default=place)
                if self.trial_with(first, new, name, place):
                    users = self.roles.subjects.get(gradient, gradient)
                    return Blame("missing", first, name, None, new, users, -1, self.values(name), self.expected(name))
        return None

    def _wrong_leaves(self, first: int, changed: dict[int, Assignment], put_in: Assignment | None) -> int:
        """How many gradients of inputs are wrong in the end, with a line changed, or one put in before the first."""
        memory, truth = copied(self.snapshots[min(first, len(self.snapshots) - 1)][-1]), self.truths[-1]
        if put_in is not None:
            self.carry_out(put_in, memory, truth)
        for at in range(first, len(self.lines)):
            line = changed.get(at, self.lines[at])
            if line is not None and at not in self.skipped:
                self.carry_out(line, memory, truth)
        return sum(not self.agrees(leaf, memory, truth) for leaf in self.leaves)

    def _scalings(self, gradient: str, model: Assignment) -> Iterator[Assignment]:
        shape = np.shape(self.memories[0][gradient])
        values = self.truths[0].start
        for other, value in values.items():
            if np.shape(value) == shape and shape:
                yield model._replace(target=gradient, entry="", operator="*", expression=f"({other} > 0)", at=LATE)
            if np.shape(value) in ((), shape):
                for operator in "/*":
                    yield model._replace(target=gradient, entry="", operator=operator, expression=other, at=LATE)
        for count, size in self.machine.wholes.items():
            if size > 1:
                yield model._replace(target=gradient, entry="", operator="/", expression=count, at=LATE)

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

    def _overwritten(self, name: str, subject: str, place: int) -> Blame | None:
        """Whether a line took the name of a forward value that is read later as what it was."""
        for reused, at in self.reused.items():
            line = self.roles.backward[at]
            new = self._new_name(reused)
            readers = [one for one in self.suspects(name, place) if one > at and reused in self._read_now(one)]
            others = {
                one: self._reread(one, reused, new)
                for one in range(at + 1, place)
                if one not in readers and reused in self._read_now(one)
            }
            for chosen in self._rereadings(readers, reused, new):
                if self.trial({at: line._replace(target=new), **others, **chosen}, name, place):
                    return self._kept_apart(reused, new, at, chosen, name, place)
        return None

    def _reread_further(self, name: str, place: int) -> bool:
        """Whether a line means the new name of a value that was kept under another: that belongs to the same slip."""
        for old, new in self.renamed.items():
            readers = [one for one in self.suspects(name, place) if old in self._read_now(one)]
            for chosen in self._rereadings(readers, old, new):
                if chosen and self.trial(dict(chosen), name, place):
                    self.lines = [chosen.get(at, line) for at, line in enumerate(self.lines)]
                    self.blames = [
                        blame._replace(also=(*blame.also, *chosen.items())) if blame.via == old else blame
                        for blame in self.blames
                    ]
                    self._make_true([name], place)
                    return True
        return False

    def _read_now(self, at: int) -> list[str]:
        line = self.lines[at]
        return [] if line is None else self.reads(line)

    def _rereadings(self, readers: list[int], old: str, new: str) -> Iterator[dict[int, Assignment]]:
        """The readers with some of the places where they read one name reading another."""
        places = [(at, found.span()) for at in readers for found in self._occurrences(at, old)][:5]
        for size in range(len(places) + 1):
            for chosen in itertools.combinations(places, size):
                lines = {at: self._line(at) for at in readers}
                for at, (start, end) in reversed(chosen):
                    text = lines[at].expression
                    lines[at] = lines[at]._replace(expression=text[:start] + new + text[end:])
                yield lines

    def _line(self, at: int) -> Assignment:
        return self.lines[at] or self.roles.backward[at]

    def _occurrences(self, at: int, name: str) -> list[re.Match[str]]:
        return list(re.finditer(rf"(?<![\w.]){re.escape(name)}\b(?!\s*\()", self._line(at).expression))

    def _reread(self, at: int, old: str, new: str) -> Assignment:
        text = re.sub(rf"(?<![\w.]){re.escape(old)}\b(?!\s*\()", new, self._line(at).expression)
        return self._line(at)._replace(expression=text)

    def _new_name(self, reused: str) -> str:
        """The name of the gradient that a reused name holds, in the author's way, or the name with a number."""
        own = self.roles.subjects
        for subject in self.truths[0].gradients:
            if subject not in own.values() and self._holds(reused, subject):
                gradient, of = next(((gradient, of) for gradient, of in own.items() if of in gradient), ("dx", "x"))
                return gradient.replace(of, subject)
        return reused + "2"

    def _holds(self, name: str, subject: str) -> bool:
        pairs = zip(self.memories, self.truths, strict=True)
        return all(same(memory[name], truth.of(subject), truth.scales.get(subject, 0.0)) for memory, truth in pairs)

    def _kept_apart(
        self, reused: str, new: str, at: int, chosen: dict[int, Assignment], name: str, place: int
    ) -> Blame:
        """Give the value its own name from here on, and to each line what it means."""
        values, expected = self.values(reused), [np.array(truth.start[reused]) for truth in self.truths]
        for memory, truth in zip(self.memories, self.truths, strict=True):
            memory[new], memory[reused] = memory[reused], np.array(truth.start[reused])[()]
        also = dict(chosen)
        for one in range(at + 1, len(self.roles.backward)):
            if one not in also and reused in self.reads(self.roles.backward[one]):
                again = self._reread_later(one, reused, new)
                if again is None and one < place:
                    again = self._reread(one, reused, new)
                if again is not None:
                    also[one] = again
        self.lines = [also.get(one, line) for one, line in enumerate(self.lines)]
        del self.reused[reused]
        self.renamed[reused] = new
        changes = tuple((one, changed) for one, changed in also.items() if changed != self.roles.backward[one])
        line = self.roles.backward[at]._replace(target=new)
        return Blame("overwritten", at, name, line, None, reused, -1, values, expected, changes)

    def _reread_later(self, at: int, old: str, new: str) -> Assignment | None:
        """A line that has not been reached, reading the new name where that gives a contribution."""
        line = self.roles.backward[at]
        subject = self.roles.subjects.get(line.target, "")
        memories = [copied(memory) for memory in self.memories]
        for memory, truth in zip(memories, self.truths, strict=True):
            for gradient, of in self.roles.subjects.items():
                memory.setdefault(gradient, np.array(truth.of(of))[()])
        for chosen in self._rereadings([at], old, new):
            trials = [copied(memory) for memory in memories]
            for trial, truth in zip(trials, self.truths, strict=True):
                trial.pop(line.target, None)
                self.carry_out(chosen[at]._replace(operator=""), trial, truth)
            wanted = self._contributions(subject) if subject else []
            if any(self._sends(trials, line.target, which) for which in wanted):
                return chosen[at]
        return None

    def _sends(self, memories: list[Memory], name: str, which: int) -> bool:
        return all(
            which < len(truth.sent) and same(memory.get(name, np.nan), truth.sent[which].value, 0.0)
            for memory, truth in zip(memories, self.truths, strict=True)
        )

    def _fallback(self, name: str, subject: str, place: int) -> None:
        """No repair is known: the last line of the gradient is blamed, and written anew if that can be."""
        own = [at for at in self.writes.get(name, []) if at < place]
        if not own:
            later = [at for at in range(place, len(self.lines)) if self.roles.backward[at].target == name]
            if later and place < len(self.lines):
                self._too_early(name, place, later)
            else:
                self.insert(name, subject, place)
            return
        for at in own:
            for fixed in self._rewritten(name, subject, at):
                if self.trial({at: fixed}, name, place):
                    self._settle(self._of_line(self._kind_of(at, fixed), at, fixed, name), place)
                    return
        self._settle(self._of_line("local", own[-1], None, name), place)

    def _kind_of(self, at: int, fixed: Assignment) -> str:
        """What was wrong in a line that had to be written anew: a factor, if the gradient from above was right."""
        own = set(self.roles.subjects) & set(words_in(self._line(at).expression))
        return "factor" if own == set(self.roles.subjects) & set(words_in(fixed.expression)) else "local"

    def _too_early(self, name: str, place: int, later: list[int]) -> None:
        """A name that is read before any line assigns it: those lines are carried out first."""
        target = self.roles.backward[place].target
        if name not in self.roles.subjects:
            for at in later:
                for memory, truth in zip(self.memories, self.truths, strict=True):
                    self.carry_out(self._line(at), memory, truth)
        self.skipped.update(later)
        true = self.expected(name) if name in self.roles.subjects else self.values(name)
        nothing = [np.float64(np.nan) for _ in self.truths]
        self._settle(Blame("order", place, target, None, None, name, later[-1], nothing, true), place)

    def _rewritten(self, name: str, subject: str, at: int) -> Iterator[Assignment]:
        line = self.lines[at]
        if line is None:
            return
        if name in self.roles.locals and " by " in subject:
            local = self._local_written(name, at)
            if local is not None:
                yield line._replace(expression=local.expression)
            return
        own = [self.truths[0].sent[which] for which in self._contributions(subject)]
        for size in range(1, min(len(own), 3) + 1):
            for chosen in itertools.combinations(own, size):
                made = self._written(name, list(chosen), at, bool(line.operator))
                if made is not None:
                    yield line._replace(expression=made.expression, entry="", operator=made.operator)
                    if self.scope.numpy:
                        for axis in (", axis=0", "", ", axis=1"):
                            yield line._replace(expression=f"{self.scope.numpy}sum({made.expression}{axis})", entry="")

    # -- going on -------------------------------------------------------------------------

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


def _put_in(text: str, inner: str) -> str:
    """An expression with another in the place that was kept for it; a factor 1 is left out."""
    if inner == "1.0":
        return re.sub(r"(?<!\w)\((\w+)\)", r"\1", re.sub(rf" \* {PLACE}\b", "", text).replace(PLACE, "1.0"))
    text = re.sub(rf"\({PLACE}\)", PLACE, text)
    simple = re.fullmatch(r"[\w.]+|\(.*\)", inner) is not None
    return text.replace(PLACE, inner if simple else f"({inner})")
