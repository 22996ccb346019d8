"""Line by line along the way back: each line on what it should have found, so that one slip is blamed once.

Wherever a gradient is read it must be complete, and at the end those of the inputs. Where it is not, the lines
that made it are suspects; the repair that makes it right at all points names line and kind. Then the true
gradient takes its place, and the walk goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from gradcli.diagnose.machine import Memory, Value, copied, same
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.repairs import Repair, operators, repairs
from gradcli.diagnose.reused import Reused
from gradcli.diagnose.roles import GRADIENT, words_in
from gradcli.diagnose.trials import BARE, Blame

MOST_TRIALS = 2_500
COSTLY = 2.0  # a repair of that cost is a guess, for which there may be a better one
CHEAP = 1.0


class Walk(Reused):
    """Judges each gradient where it is read, and asks each hypothesis in turn who is to blame."""

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

    def _unknown(self, name: str, place: int, line: Assignment) -> None:
        """A name that has no value: a gradient whose line is missing, or an error."""
        subject = self.roles.subjects.get(name, "")
        later = [at for at in range(place, len(self.lines)) if self.roles.backward[at].target == name]
        if later and name not in self.writes:
            self._too_early(name, place, later)
            return
        made = None if subject else self._of_element(name, place)
        if made is not None:
            for memory, truth in zip(self.memories, self.truths, strict=True):
                self.carry_out(made, memory, truth)
            nothing = [np.float64(np.nan) for _ in self.truths]
            self._record(Blame("missing", place, name, None, made, name, -1, nothing, self.values(name)))
            return
        if not subject and self._inside_missing(name, place, line):
            return
        if not subject:
            self.machine.value(line.expression, line.at, self.memories[0])  # says which name has no value
            return
        self.insert(name, subject, place)

    def _inside_missing(self, name: str, place: int, line: Assignment) -> bool:
        """Whether a name without a value is the gradient of a node inside a forward line: its line is missing."""
        if not GRADIENT.fullmatch(name):
            return False
        for values in self._inner_nodes():
            trials = [
                copied(memory) | {name: np.array(value)[()]}
                for memory, value in zip(self.memories, values, strict=True)
            ]
            fits = all(
                self.carry_out(line, memory, truth) for memory, truth in zip(trials, self.truths, strict=True)
            ) and self._meant(line.target, trials)
            if fits:
                for memory, value in zip(self.memories, values, strict=True):
                    memory[name] = np.array(value)[()]
                nothing = [np.float64(np.nan) for _ in self.truths]
                self._record(Blame("missing", place, name, None, None, name, -1, nothing, values))
                return True
        return False

    def _meant(self, target: str, memories: list[Memory]) -> bool:
        """Whether what a line gives is a gradient, a contribution to one, or that of a node inside a forward line."""
        if target in self.roles.subjects and self.is_true(target, memories):
            return True
        values = [memory[target] for memory in memories]
        sent = (
            [truth.sent[which].value for truth in self.truths]
            for which in range(min(len(truth.sent) for truth in self.truths))
        )
        return any(
            all(same(value, true, 0.0) for value, true in zip(values, found, strict=True))
            for found in (*sent, *self._inner_nodes())
        )

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
            if line is None or (line.target != name and not line.entry and self._is_settled(line)):
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

    def _led_on(self, name: str, place: int) -> list[int]:
        """The lines that change in place what the suspects read: masks, mostly."""
        read = {one for at in self.suspects(name, place) for one in self._read_now(at)} - {name}
        own = [at for one in read if one in self.roles.subjects for at in self.writes.get(one, [])]
        return sorted(
            at for at in own if at < place and (self._line(at).entry or self._line(at).operator in ("*", "/"))
        )

    def _is_settled(self, line: Assignment) -> bool:
        """Whether a temporary is what it should be: the gradient of a node, or a contribution that one line reads."""
        if BARE.fullmatch(line.expression.strip("()")):
            return False  # a copy means nothing by itself
        values = [memory.get(line.target) for memory in self.memories]
        return self._node_of(values) is not None or (self._recognised(line.target) and self._readers(line.target) < 2)

    def _recognised(self, name: str) -> bool:
        """Whether a temporary is something that has a meaning: a contribution, a gradient, a local gradient."""
        return any(all(self._means(name, which, number) for number in range(len(self.truths)))
                   for which in range(len(self.truths[0].sent)))  # fmt: skip

    def _node_of(self, values: list[Value]) -> list[Value] | None:
        """The gradients of the node inside a forward line that are these values at all points, or None."""
        return next(
            (
                found
                for found in self._inner_nodes()
                if all(value is not None and same(value, true, 0.0) for value, true in zip(values, found, strict=True))
            ),
            None,
        )

    def _inner_nodes(self) -> Iterator[list[Value]]:
        """The gradients of each node inside a forward line, at all points."""
        for subject, nodes in self.truths[0].inner.items():
            for which in range(len(nodes)):
                yield [truth.inner[subject][which] for truth in self.truths]

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
