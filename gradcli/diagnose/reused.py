"""A name taken for a gradient while its own value is still needed: which line means which of the two."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import numpy as np

from gradcli.diagnose.lacking import Lacking
from gradcli.diagnose.machine import Memory, copied, same
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.trials import Blame


class Reused(Lacking):
    """Names that hold a forward value first and a gradient later."""

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
