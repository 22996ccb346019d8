"""Lines that are not there: which contribution lacks, where it belongs and how it is written; and lines too many."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

from gradcli.diagnose.derived import NONE, Contribution, derived
from gradcli.diagnose.machine import copied, same
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.trials import Blame, Trials
from gradcli.diagnose.truth import Sent

PLACE = "upstream__"
LATE = 1_000_000


class Lacking(Trials):
    """What is missing on the way back, or there twice."""

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
        own = self.writes.get(name, [])
        if own and at <= own[0] and not self._line(own[0]).operator:
            at = max(write for write in own if write < place) + 1  # the first one would throw it away
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
        if name in self.unstarted and max(made, default=-1) < self.unstarted[name]:
            return self.unstarted[name]  # it is the one that the `+=` there adds to
        return max([*read, *made], default=place - 1) + 1

    def _gradients_of(self, subjects: set[str]) -> set[str]:
        return {
            name for name, subject in self.roles.subjects.items() if subject in subjects and name in self.memories[0]
        }

    def _of_element(self, name: str, place: int) -> Assignment | None:
        """A local gradient by an element, as `dcosx1dx1` for that of cosx1 by x[1], as an assignment."""
        for sent in self.truths[0].sent:
            if not re.fullmatch(rf"d{re.escape(sent.user)}_?d_?{re.escape(sent.name)}\d+", name):
                continue
            found = derived(self.machine, sent.line, sent.name, PLACE, self.truths[0].start, self.scope.module, False)
            if found.text and found.entry and name.endswith(re.sub(r"\D", "", found.entry)):
                model = self._line(min(place, len(self.lines) - 1))
                text = _put_in(found.text, "1.0")
                return model._replace(target=name, entry="", operator="", expression=text, at=LATE + place)
        return None

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


def _put_in(text: str, inner: str) -> str:
    """An expression with another in the place that was kept for it; a factor 1 is left out."""
    if inner == "1.0":
        return re.sub(r"(?<!\w)\((\w+)\)", r"\1", re.sub(rf" \* {PLACE}\b", "", text).replace(PLACE, "1.0"))
    text = re.sub(rf"\({PLACE}\)", PLACE, text)
    simple = re.fullmatch(r"[\w.]+|\(.*\)", inner) is not None
    return text.replace(PLACE, inner if simple else f"({inner})")
