"""A file and a point to a Diagnosis."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradcli.diagnose.correction import changed, inserted, line_of, moved, removed, rewritten
from gradcli.diagnose.findings import Change, Diagnosis, Judged, Slip
from gradcli.diagnose.machine import Machine, Memory, Value, copied, same
from gradcli.diagnose.reader import Assignment, Reading, read_file
from gradcli.diagnose.repairs import Scope
from gradcli.diagnose.roles import Roles, missing_above, patterns_of, roles_of, subject_of
from gradcli.diagnose.trials import Blame
from gradcli.diagnose.truth import Forward, Truth, names_fixed, truths
from gradcli.diagnose.walk import Walk
from gradcli.errors import GradError, PointMistake, Span, listed
from gradcli.naming import names_of
from gradcli.point import Point
from gradcli.printer import text_of
from gradcli.staging import stage

SHAPE = re.compile(r"\s*(?:[\w.]+\.shape(?:\[-?\d+\])?|len\(\s*[\w.]+\s*\))\s*\Z")


class Case(NamedTuple):
    """A file that has been read, with the values it is judged at."""

    reading: Reading
    roles: Roles
    machine: Machine
    forward: Forward
    truths: list[Truth]
    scope: Scope
    inputs: list[str]


def diagnose(
    text: str, point: Point, expr: str | None = None, names: str | None = None, ties: str = "first", title: str = ""
) -> Diagnosis:
    """Judge a backward pass. expr: the forward pass, where the file does not bring it. names: patterns of gradients.

    Raises GradError where the text is no backward pass or the point does not fit.
    """
    try:
        case = read_case(text, point, expr, names, ties)
        return _diagnosed(case, title, lambda corrected: _all_right(corrected, point, expr, names, ties))
    except GradError as error:
        raise error.inside(text, title) from None


# -- reading ------------------------------------------------------------------------------


def read_case(text: str, point: Point, expr: str | None, names: str | None, ties: str) -> Case:
    """The passes of a file and the values at several points."""
    reading = read_file(text)
    stages = _stages(expr) if expr is not None else []
    values: dict[str, Value] = {name: _array(value) for name, value in point.values.items()}
    roles = roles_of(reading, values, [line.target for line in stages], patterns_of(names))
    machine = Machine(text, {})
    own = [line for line in roles.forward if line.target not in values]
    lines = own if any(line.target == roles.output for line in own) or not stages else stages
    forward_lines = _without_constants(machine, lines, values)
    above = next((name for name, subject in roles.subjects.items() if subject == roles.output and name in values), "")
    backward = roles.backward
    overwritten = frozenset(line.target for line in backward)
    forward = Forward(machine, forward_lines, roles.output, above, ties, overwritten)
    _check_point(reading, roles, forward_lines, machine, values)
    backward = _without_shapes(machine, backward, forward_lines, values)
    roles = roles._replace(backward=backward)
    fixed = names_fixed(machine, [*forward_lines, *backward]) | frozenset(machine.wholes)
    found = truths(forward, values, fixed)
    _give_above(roles, forward, found, reading)
    _give_locals(roles, found)
    inputs = [name for name in values if name in found[0].start and name != above]
    return Case(reading, roles, machine, forward, found, _scope(reading, roles, found), inputs)


def _array(value: Any) -> Value:
    if isinstance(value, GradError):
        raise value
    return np.asarray(value, dtype=float) if isinstance(value, list) else np.float64(value)


def _stages(expr: str) -> list[Assignment]:
    """The stages of an expression as assignments. Raises GradError placed in the expression."""
    try:
        program = stage(expr)
    except GradError as error:
        raise error.inside(expr, "--expr") from None
    names = names_of(program)
    return [
        Assignment(names.of[line], "", "", text_of(line, names.of.get), -1000 * (place + 1), 0, Span(0, 0), 0)
        for place, line in enumerate(program.lines)
    ]


def _without_constants(machine: Machine, lines: list[Assignment], values: dict[str, Value]) -> list[Assignment]:
    """The lines that compute; what is a number or a list as written joins the point, sizes become whole numbers."""
    kept: list[Assignment] = []
    memory: Memory = dict(values)
    assigned = [line.target for line in lines]
    for line in lines:
        if SHAPE.match(line.expression) and _is_size(machine, line, memory):
            continue
        names = machine.formula(line.expression, line.at).names
        if not names and not line.operator and not line.entry and assigned.count(line.target) == 1:
            values[line.target] = memory[line.target] = machine.value(line.expression, line.at, memory)
            continue
        kept.append(line)
        try:
            machine.carry_out(line, memory)
        except GradError:
            continue  # said with all that is missing, or at the place itself
    return kept


def _is_size(machine: Machine, line: Assignment, memory: Memory) -> bool:
    """Take note of a size that a name is given."""
    try:
        value = machine.value(line.expression, line.at, memory)
    except GradError:
        return False
    if np.ndim(value) == 0:
        machine.wholes[line.target] = int(value)
    return True


def _without_shapes(
    machine: Machine, backward: list[Assignment], forward: list[Assignment], values: Mapping[str, Value]
) -> list[Assignment]:
    memory = copied(dict(values))
    for line in forward:
        machine.carry_out(line, memory)
    return [line for line in backward if not (SHAPE.match(line.expression) and _is_size(machine, line, memory))]


def _check_point(
    reading: Reading, roles: Roles, forward: list[Assignment], machine: Machine, values: Mapping[str, Value]
) -> None:
    """Whether every name of the forward pass has a value. Raises PointMistake."""
    known = {*values, *machine.wholes}
    missing: dict[str, Span] = {}
    for line in forward:
        formula = machine.formula(line.expression, line.at)
        for name in formula.names:
            if name not in known:
                missing.setdefault(name, line.place if line.at >= 0 else Span(0, 0))
        known.add(line.target)
    if missing:
        hint = "give it with --at " + ",".join(f"{name}=..." for name in list(missing)[:4])
        span = next(iter(missing.values()))
        raise PointMistake(f"no value for {listed(list(missing))}", span if span.end else None, hint)


def _give_above(roles: Roles, forward: Forward, found: list[Truth], reading: Reading) -> None:
    """The gradient of the output, where nobody assigns it: 1 for a number. Raises UsageMistake for an array."""
    assigned = {line.target for line in roles.backward}
    above = [name for name, subject in roles.subjects.items() if subject == roles.output and name not in assigned]
    shape = np.shape(found[0].start[roles.output])
    if shape and not forward.above and not any(roles.subjects.get(name) == roles.output for name in assigned):
        raise missing_above(roles.output, str(shape), roles.backward[0].statement, reading.source.text)
    home = roles.backward[0].function
    for name in above:
        if home and name not in reading.parameters[home] and roles.forward:
            continue  # a function that forgets it stops there
        for truth in found:
            truth.start.setdefault(name, np.float64(1.0))


def _give_locals(roles: Roles, found: list[Truth]) -> None:
    """Local gradients that have a name are judged as gradients are: as those of a name that no program has."""
    assigned = [line.target for line in roles.backward]
    for name, (user, of) in roles.locals.items():
        if assigned.count(name) > 1:
            continue  # of each use in turn
        subject = f"{user} by {of}"
        for truth in found:
            sent = [one.value for one in truth.sent if (one.user, one.name) == (user, of)]
            if sent and np.shape(sent[0]) == np.shape(truth.gradients[user][0]) == ():
                with np.errstate(all="ignore"):
                    truth.gradients[subject] = [sum(sent) / truth.gradients[user][0]]
        if all(subject in truth.gradients and np.isfinite(truth.of(subject)) for truth in found):
            roles.subjects[name] = subject


def _scope(reading: Reading, roles: Roles, found: list[Truth]) -> Scope:
    """What a line may use: forward values and gradients, elements of short lists."""
    text = reading.source.text
    start = found[0].start
    prefix = "np." if re.search(r"\bnp\.", text) else "numpy." if re.search(r"\bnumpy\.", text) else ""
    arrays = any(np.ndim(value) > 0 for value in start.values())
    if not prefix and arrays and not reading.source.braces:
        prefix = "np."
    names: list[str] = []
    for name, value in start.items():
        if np.ndim(value) == 1 and np.size(value) <= 6 and re.search(rf"\b{re.escape(name)}\[\d", text):
            names += [f"{name}[{place}]" for place in range(np.size(value))]
        names.append(name)
    names += [line.target for line in roles.backward if line.target not in names]
    forward = re.sub(r"\s", "", " ".join(line.expression for line in roles.forward))
    module = prefix or next((f"{word}." for word in ("math", "Math") if re.search(rf"\b{word}\.", text)), "")
    gradients = frozenset(roles.subjects) - roles.locals.keys()
    return Scope(list(dict.fromkeys(names)), {}, gradients, prefix if arrays else "", module, forward)


# -- judging ------------------------------------------------------------------------------


class Outcome(NamedTuple):
    """The file as it stands, at all points. leaves: which gradients of inputs are right; crashes: it would not run."""

    leaves: dict[str, bool]
    crashes: bool
    memories: list[Memory]


def outcome(case: Case) -> Outcome:
    """What the author's own lines give."""
    memories = []
    crashes = False
    walk = Walk(case.machine, case.roles, case.truths, case.scope)
    for truth in case.truths:
        memory = copied(truth.start)
        for line in case.roles.backward:
            crashes |= bool(line.operator) and line.target not in memory
            crashes |= not walk.carry_out(line, memory, truth)
        memories.append(memory)
    targets = {line.target for line in case.roles.backward}
    leaves = {
        name: all(walk.agrees(name, memory, truth) for memory, truth in zip(memories, case.truths, strict=True))
        for name, subject in case.roles.subjects.items()
        if subject in case.inputs and name in targets
    }
    return Outcome(leaves, crashes, memories)


def _all_right(corrected: str, point: Point, expr: str | None, names: str | None, ties: str) -> bool:
    try:
        case = read_case(corrected, point, expr, names, ties)
        found = outcome(case)
    except GradError:
        return False
    return bool(found.leaves) and all(found.leaves.values()) and not found.crashes and not _unassigned(case)


def _unassigned(case: Case) -> dict[str, str]:
    """Gradients that the file returns or prints and no line assigns, by name the input that each belongs to."""
    targets = {line.target for line in case.roles.backward}
    served = {case.roles.subjects.get(target) for target in targets}
    found = {}
    for name in sorted(case.reading.returned - targets):
        subject = subject_of(name, case.inputs, case.roles.patterns, case.roles.output)
        if subject and subject not in served and name not in case.truths[0].start:
            found[name] = subject
    return found


def _diagnosed(case: Case, title: str, confirms: Any) -> Diagnosis:
    found = outcome(case)
    unassigned = _unassigned(case)
    right = all(found.leaves.values()) and not found.crashes and not unassigned
    blames: list[Blame] = []
    if not right:
        walk = Walk(case.machine, case.roles, case.truths, case.scope)
        case.roles.subjects.update(unassigned)
        blames = walk.run(found.leaves)
        for name in unassigned:
            walk.insert(name, unassigned[name], len(walk.lines))
        blames = sorted(walk.blames, key=lambda blame: blame.place)
    source = case.reading.source
    slips = [_slip(case, blame) for blame in blames]
    corrected, confirmed = _corrected(case, blames, slips, confirms) if slips else (source.text, True)
    wrong = {blame.place for blame in blames if blame.before is None and blame.kind != "missing"}
    subjects = case.roles.subjects
    lines = [
        Judged(
            line.statement,
            line.target,
            place not in wrong,
            subjects.get(line.target) is None or _right_in_the_end(case, found, line.target),
            _shown(found.memories[0].get(line.target)),
            _shown(case.truths[0].of(subjects[line.target])) if line.target in subjects else None,
        )
        for place, line in enumerate(case.roles.backward)
    ]
    given = {subjects[line.target] for line in case.roles.backward if line.target in subjects}
    missing = [name for name in case.inputs if name not in given]
    return Diagnosis(source.text, title, slips, lines, found.leaves, missing, corrected, confirmed)


def _right_in_the_end(case: Case, found: Outcome, name: str) -> bool:
    walk_agrees = (
        name in memory
        and any(
            same(memory[name], value, truth.scales.get(case.roles.subjects[name], 0.0))
            for value in (*truth.gradients[case.roles.subjects[name]], *truth.inner.get(case.roles.subjects[name], []))
        )
        for memory, truth in zip(found.memories, case.truths, strict=True)
    )
    return all(walk_agrees)


def _shown(value: Value) -> Any:
    if value is None:
        return None
    return np.asarray(value).tolist() if np.ndim(value) else float(value)


def _slip(case: Case, blame: Blame) -> Slip:
    source, backward = case.reading.source, case.roles.backward
    last = backward[-1]
    old = backward[blame.place] if blame.place < len(backward) else last
    changes: tuple[Change, ...] = ()
    correct = ""
    span = old.statement
    if blame.before is not None:
        change, correct = inserted(source, blame.before, old if blame.place < len(backward) else None, last)
        changes = (change,)
    elif blame.kind == "extra":
        changes = (removed(source, old),)
    elif blame.kind == "order":
        changes = tuple(moved(source, [old], backward[blame.moved]))
        correct = source.text[old.statement.start : old.statement.end]
    elif blame.line is not None:
        changes = (rewritten(source, old, blame.line),)
        changes += tuple(rewritten(source, backward[place], line) for place, line in blame.also)
        correct = line_of(source, changes[0], old)
    which = _telling(blame)
    return Slip(
        blame.kind, span, blame.name, blame.via, _shown(blame.gives[which]), _shown(blame.expected[which]), correct,
        changes, case.truths[which].given, blame.place >= len(backward), old.target,
    )  # fmt: skip


def _telling(blame: Blame) -> int:
    """The first point at which what is given differs from what should be."""
    for which, (value, expected) in enumerate(zip(blame.gives, blame.expected, strict=True)):
        if not same(value, expected, 0.0):
            return which
    return 0


def _corrected(case: Case, blames: list[Blame], slips: list[Slip], confirms: Any) -> tuple[str, bool]:
    """The file without the slips, and whether its gradients are right."""
    source = case.reading.source
    first = changed(source.text, [change for slip in slips for change in slip.changes])
    if confirms(first):
        return first, True
    orders = [blame for blame in blames if blame.kind == "order"]
    rest = [change for slip in slips if slip.kind != "order" for change in slip.changes]
    for blame in orders:
        for changes in _other_orders(case, blame):
            text = changed(source.text, [*rest, *changes])
            if confirms(text):
                return text, True
    return first, False


def _other_orders(case: Case, blame: Blame) -> list[list[Change]]:
    """Ways to put lines in order: what depends on the early line goes with it, or the late lines come first."""
    source, backward = case.reading.source, case.roles.backward
    moving = [blame.place]
    targets = {backward[blame.place].target}
    for place in range(blame.place + 1, blame.moved):
        names = set(case.machine.formula(backward[place].expression, backward[place].at).names)
        if names & targets:
            moving.append(place)
            targets.add(backward[place].target)
    found = [moved(source, [backward[place] for place in moving], backward[blame.moved])]
    late = [place for place in range(blame.place, blame.moved + 1) if backward[place].target == blame.via]
    if blame.place > 0:
        found.append(moved(source, [backward[place] for place in late], backward[blame.place - 1]))
    return found
