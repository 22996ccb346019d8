"""Which names are gradients, of what, and where the way back begins."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from gradcli.array_gates import array_gate_called
from gradcli.diagnose.reader import Assignment, Reading, no_backward_pass
from gradcli.errors import GradError, Span, UsageMistake
from gradcli.gates import gate_called

# How people call the gradient of {}; the first that fits is taken.
PATTERNS = (
    "d{}", "d_{}", "d{}_", "grad_{}", "{}_grad", "grad{}", "g_{}", "{}_bar", "bar_{}", "_d_{}", "_d{}", "dL_d{}",
    "dLd{}", "dl_d{}", "dJ_d{}", "dE_d{}", "dloss_d{}", "dLoss_d{}", "{}_adj", "adj_{}", "grads__{}", "grads__d{}",
    "grad__{}", "gradients__{}",
    "delta_{}", "del_{}", "g{}", "D{}", "{}_g",
)  # fmt: skip


GRADIENT = re.compile(r"d[a-z_]*\w*|grad\w*|g|\w*upstream\w*|delta\w*")  # what a gradient may be called


RESULT = re.compile(r"f|[LJE]|out|(\w+_)?(loss|cost|error|energy|objective)")  # what the end of the way there is called


class Roles(NamedTuple):
    """forward, backward: the assignments of either pass, in order.

    subjects: by gradient, the name whose gradient it is; output: the name whose gradient is known.
    locals: by name, the two names between which it is a local gradient (`dqdx`): the one it is of, and by which.
    patterns: how gradients are called.
    """

    forward: list[Assignment]
    backward: list[Assignment]
    subjects: dict[str, str]
    output: str
    locals: dict[str, tuple[str, str]]
    patterns: tuple[str, ...] = PATTERNS


def words_in(text: str) -> list[str]:
    """The names in a text, attributes and functions of modules apart."""
    return re.findall(r"(?<![\w.])[^\W\d]\w*", text)


def patterns_of(names: str | None) -> tuple[str, ...]:
    """The patterns of --names, or the usual ones. Raises UsageMistake."""
    if names is None:
        return PATTERNS
    found = tuple(part.strip() for part in names.split(",") if part.strip())
    wrong = next((part for part in found if part.count("{}") != 1), "" if found else names)
    if wrong:
        raise UsageMistake(f"--names: '{wrong[:40]}' has no place for a name", hint="write --names 'grad_{}'")
    return tuple(re.sub(r"\[\s*['\"]?|['\"]?\s*\]", "__", part).removesuffix("__") for part in found)


def subject_of(target: str, known: Iterable[str], patterns: tuple[str, ...], output: str = "") -> str:
    """The name whose gradient `target` is, or nothing."""
    names = set(known)
    for pattern in (*patterns, *((f"d{output}d{{}}", f"d{output}_d{{}}") if output else ())):
        before, after = pattern.split("{}")
        if target.startswith(before) and target.endswith(after) and len(target) > len(before) + len(after):
            name = target[len(before) : len(target) - len(after)]
            found = name if name in names else f"{name}_"  # sum_, which a language would not let be called sum
            if found in names and found != target:
                return found
    return ""


def roles_of(reading: Reading, given: Iterable[str], stages: list[str], patterns: tuple[str, ...]) -> Roles:
    """The two passes of a file. given: names of the point; stages: names of --expr, output last.

    Raises UsageMistake where no gradient is assigned, and what was refused in lines that matter.
    """
    lines = [line for line in reading.assignments if not _is_helper(reading.functions[line.function])]
    operands = set(words_in(" ".join(line.expression for line in lines)))
    known = {*given, *stages, *(line.target for line in lines), *operands}
    start = _start(lines, known, patterns, reading.source.mark)
    if start < 0:
        span = lines[0].statement if lines else Span(0, 0)
        hint = f"gradients are called {patterns[0].format('x')} and the like; --names says otherwise"
        raise no_backward_pass(span, hint).inside(reading.source.text)
    home = lines[start].function
    forward = lines[:start]
    backward = [line for line in lines[start:] if line.function == home]
    begin = lines[start].statement.start
    functions = {home, *(line.function for line in forward)}
    for refused in reading.refused:
        if refused.function in functions and (refused.at < begin or refused.function == home):
            raise refused.error.inside(reading.source.text)
    names = {*given, *stages, *(line.target for line in forward), *operands - {line.target for line in backward}}
    output = _output(forward, backward, patterns, stages, reading.returned)
    subjects, local = _subjects(backward, names, patterns, output)
    read = {word for line in backward for word in words_in(line.expression)}
    assigned_names = {line.target for line in (*forward, *backward)} | set(given) | set(stages)
    for name in sorted(read - subjects.keys() - local.keys() - assigned_names):
        pair = _pair(name, names)
        if pair is not None:
            local[name] = pair
    for name in (*given, *sorted(read - subjects.keys())):
        subject = subject_of(name, names - {name}, patterns, output)
        assigned = name in stages or any(line.target == name for line in (*forward, *backward))
        if subject and not assigned and (subject == output or name not in given):
            subjects[name] = subject
    return Roles(forward, backward, subjects, output, local, patterns)


def _is_helper(name: str) -> bool:
    """Whether a function of the file only spells a gate of the language."""
    known = gate_called(name) or array_gate_called(name)
    return bool(name) and (known is not None or name.startswith("_"))


def _start(lines: list[Assignment], known: set[str], patterns: tuple[str, ...], mark: int) -> int:
    """Which line is the first of the way back; -1 if none is.

    It is a gradient's, and of the names whose gradients follow none is assigned behind it; as nearly as can be,
    for a forward value may be overwritten by mistake. mark: where a comment speaks of the way back, or -1.
    """
    gradients = {line.target: subject_of(line.target, known, patterns) or _second(line.target, known) for line in lines}
    places = [place for place, line in enumerate(lines) if gradients[line.target]]
    best, least = -1, len(lines) * 2
    for before, place in enumerate(places):
        targets = {line.target for line in lines[place:]}
        cost = before + len({gradients[line.target] for line in lines[place:]} & targets)
        if cost < least:
            best, least = place, cost
    best = _seeded(lines, best)
    behind = next((place for place, line in enumerate(lines) if line.begin > mark >= 0), best)
    if _ends_forward(lines[best:behind], lines[behind:], gradients):
        return behind
    earlier = {word for line in lines[:behind] for word in (line.target, *words_in(line.expression))}
    following = {gradients[line.target] for line in lines[best:]}
    if behind < best and following & {line.target for line in lines[behind:best]} <= earlier:
        return behind
    return best


def _ends_forward(between: list[Assignment], rest: list[Assignment], gradients: dict[str, str]) -> bool:
    """Whether the lines above the comment end the way there: one is no gradient's and is not needed below."""
    read = {word for line in rest for word in words_in(line.expression)}
    alone = any(not gradients[line.target] and line.target not in read for line in between)
    return alone and bool(rest) and bool(gradients[rest[0].target])


def _seeded(lines: list[Assignment], best: int) -> int:
    """Where `dout = 1.0` begins the way back under a name that belongs to no value, that line."""
    for place in range(best):
        if not re.fullmatch(r"1(\.0?)?", lines[place].expression) or not GRADIENT.fullmatch(lines[place].target):
            continue
        led = {lines[place].target}
        for line in lines[place + 1 : best]:
            if led.isdisjoint(words_in(line.expression)):
                break
            led.add(line.target)
        else:
            return place
    return best


def _second(target: str, known: set[str]) -> str:
    """The second of the names in `dqdx`, where both are known."""
    return (_pair(target, known) or ("", ""))[1]


def _pair(target: str, known: set[str]) -> tuple[str, str] | None:
    """The two names in `dqdx` or `dq_dx`, where both are known."""
    if not target.startswith("d"):
        return None
    cuts = [place for place in range(2, len(target)) if target[place] == "d"]
    names = [(target[1:place].rstrip("_"), target[place + 1 :].lstrip("_")) for place in cuts]
    return next((pair for pair in names if pair[0] in known and pair[1] in known), None)


def _output(
    forward: list[Assignment],
    backward: list[Assignment],
    patterns: tuple[str, ...],
    stages: list[str],
    returned: frozenset[str],
) -> str:
    """The name whose gradient is known: the last forward one, unless a gradient from above names another."""
    if stages:
        return stages[-1]
    used = {word for line in backward for word in words_in(line.expression)}
    sinks = _sinks(forward)
    sinks = [name for name in sinks if name not in used] or sinks  # a local gradient may be worked out first
    for line in backward[:2]:
        if re.fullmatch(r"1(\.0?)?|np\.ones_like\(.*\)|np\.ones\(.*\)", line.expression) and not line.operator:
            subject = subject_of(line.target, sinks, patterns)
            if subject:
                return subject
    targets = {line.target for line in backward}
    read = [word for line in backward for word in words_in(line.expression)]
    above = [subject for word in read if word not in targets and (subject := subject_of(word, sinks, patterns))]
    called = [name for name in sinks if RESULT.fullmatch(name)]
    results = [name for name in sinks if name in returned] or called[-1:] or sinks or [line.target for line in forward]
    return above[0] if above else results[-1] if results else ""


def _sinks(forward: list[Assignment]) -> list[str]:
    """The names of the forward pass that no other line of it reads."""
    read = {word for line in forward for word in words_in(line.expression) if word != line.target}
    sinks = [line for line in forward if line.target not in read]
    return [line.target for line in sinks if words_in(line.expression)] or [line.target for line in sinks]


def _subjects(
    backward: list[Assignment], names: set[str], patterns: tuple[str, ...], output: str
) -> tuple[dict[str, str], dict[str, tuple[str, str]]]:
    subjects: dict[str, str] = {}
    local: dict[str, tuple[str, str]] = {}
    for line in backward:
        subject = subject_of(line.target, names, patterns, output)
        if subject:
            subjects[line.target] = subject
            continue
        pair = _pair(line.target, names)
        if pair is not None:
            local[line.target] = pair
    return subjects, local


def missing_above(name: str, shape: str, at: Span, source: str) -> GradError:
    """The output is an array, and its gradient is nowhere."""
    return UsageMistake(
        f"{name} is an array {shape}, and no gradient arrives from above", at, f"give it: --at d{name}=...", source
    )
