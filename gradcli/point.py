"""A point in the user's words (`x=3,y=-4`, `w=[1, 2]`, `@point.json`) to a value for each input of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from typing import NamedTuple

from gradcli.errors import GradError, PointMistake, UsageMistake, did_you_mean, listed
from gradcli.graph import CONSTANTS, Input, Node
from gradcli.program import Program, base_of
from gradcli.tokens import WORD
from gradcli.values import Value, numbers, read_json, read_value, split

ITEM = re.compile(rf"\s*({WORD})\s*(?:\[([0-9,\s]*)\])?\s*=(?!=)(.*)", re.DOTALL)


class Point(NamedTuple):
    """values: by variable; loose: those from a file, which the program need not use."""

    values: dict[str, Value]
    loose: frozenset[str]


def read_point(texts: tuple[str, ...]) -> Point:
    """The point that all --at options give together.

    texts: each `name=value,...` or `@file.json`. Raises PointMistake, UsageMistake.
    """
    whole: dict[str, Value] = {}
    elements: dict[str, dict[tuple[int, ...], float]] = {}
    loose: set[str] = set()
    twice: dict[str, None] = {}
    for text in texts:
        if text.lstrip().startswith("@"):
            found = _from_file(text.strip()[1:])
            twice.update(dict.fromkeys(found.keys() & whole.keys()))
            whole.update(found)
            loose.update(found)
            continue
        for name, index, value in _items(text):
            spelled = str(Input(name, index))
            known = elements.get(name, {}) if index else whole
            if (index or name) in known or (name in whole if index else name in elements):
                twice[spelled] = None
            if index:
                elements.setdefault(name, {})[index] = value
            else:
                whole[name] = value
    if twice:
        raise PointMistake(f"given twice: {listed(list(twice))}", hint="each name is bound once")
    for name, parts in elements.items():
        whole[name] = _assembled(name, parts)
    return Point(whole, frozenset(loose))


def bind(program: Program, point: Point) -> tuple[dict[Node, float], list[str]]:
    """A value for each input leaf, and the names in the point that nobody needs.

    Raises PointMistake, naming all that is missing or unknown at once.
    """
    leaves = program.inputs
    variables = dict.fromkeys(map(base_of, leaves))
    missing = [name for name in variables if name not in point.values]
    unknown = [name for name in point.values if name not in variables and name not in point.loose]
    if missing or unknown:
        raise _unbound(program, missing, unknown)
    unused = [name for name in point.values if name not in variables]
    return {leaf: _picked(leaf, point.values) for leaf in leaves}, unused


def _unbound(program: Program, missing: list[str], unknown: list[str]) -> PointMistake:
    parts, hint = [], ""
    if unknown:
        parts.append(f"the program has no input {listed(unknown)}")
        hint = _about_unknown(program, unknown[0], missing)
    if missing:
        parts.insert(0, f"no value for {listed(missing)}")
        first = next(leaf for leaf in program.inputs if base_of(leaf) == missing[0])
        hint = hint or _about_missing(missing)
        return PointMistake("; ".join(parts), first.span, hint)
    return PointMistake("; ".join(parts), hint=hint)


def _about_unknown(program: Program, name: str, missing: list[str]) -> str:
    if name in CONSTANTS:
        return f"{name} is a constant and cannot be bound"
    if name in program.graph.statements:
        return f"'{name}' is assigned in the program"
    close = did_you_mean(name, missing or program.variables)
    return close or (f"its inputs are {listed(program.variables)}" if program.variables else "it has none")


def _about_missing(missing: list[str]) -> str:
    from gradcli.gates import gate_called

    gate = gate_called(missing[0])
    if gate is not None:
        return f"{missing[0]} is a variable here; a call is written {missing[0]}(...)"
    return "give it with --at " + ",".join(f"{name}=..." for name in missing[:4])


def _picked(leaf: Node, values: Mapping[str, Value]) -> float:
    """The entry of a variable's value that a leaf stands for."""
    assert isinstance(leaf.static, Input)
    base, index = leaf.static
    value = values[base]
    if not index and not isinstance(value, list):
        return float(value)
    if not index:
        raise PointMistake(
            f"'{base}' is one number in the program, and the point gives {_shape(value)}", leaf.span, f"use {base}[0]"
        )
    for place in index:
        if not isinstance(value, list):
            raise PointMistake(
                f"'{base}' has no element {leaf.static}: it is a number", leaf.span, f"--at {base}=[...]"
            )
        if place >= len(value):
            hint = f"indices run from 0 to {len(value) - 1}" if value else ""
            raise PointMistake(f"'{base}' has no element {leaf.static}: it has {_shape(value)}", leaf.span, hint)
        value = value[place]
    if isinstance(value, list):
        raise PointMistake(f"{leaf.static} is a list, and the program wants a number", leaf.span)
    return float(value)


def _shape(value: list[Value]) -> str:
    return "1 number" if len(value) == 1 else f"{len(value)} numbers"


# -- text ---------------------------------------------------------------------------------


def _items(text: str) -> Iterator[tuple[str, tuple[int, ...], Value]]:
    """The bindings of one --at option."""
    before = ""
    for item in split(text):
        found = ITEM.fullmatch(item)
        if found is None:
            raise _no_binding(item, before)
        name, index, value = found[1], found[2], found[3]
        title = f"--at {name}"
        if index is not None and not all(part.strip().isdigit() and len(part) < 10 for part in index.split(",")):
            raise PointMistake(f"'{name}[{index[:40]}]' is no element", hint=f"write {name}[0]=...")
        try:
            yield name, tuple(map(int, index.split(","))) if index else (), read_value(value)
        except GradError as error:
            raise error.inside(value.strip(), title) from None
        before = item.strip()


def _no_binding(item: str, before: str) -> PointMistake:
    shown = item.strip()[:60]
    if re.fullmatch(rf"{WORD}\s*:.*", shown):
        hint = f"write {shown.replace(':', '=', 1)}" if len(shown) < 30 else "write name=number"
        return PointMistake(f"'{shown}' is no name=value", hint=hint)
    if before and "=" not in shown:
        name = before.partition("=")[0]
        hint = f"a decimal point is '.', and a list is written {name}=[1, 2]"
        return PointMistake(f"'{shown}' behind '{before[:60]}' is no name=value", hint=hint)
    return PointMistake(f"'{shown}' is no name=value", hint="a point is written --at x=3,y=-4")


def _assembled(name: str, parts: Mapping[tuple[int, ...], float]) -> Value:
    """A list from elements that were bound singly."""
    ranks = {len(index) for index in parts}
    if len(ranks) > 1:
        raise PointMistake(f"the elements of '{name}' have indices of different length")
    sizes = [max(places) + 1 for places in zip(*parts, strict=True)]
    if len(sizes) > 2 or sizes[0] * sizes[-1] > 4 * len(parts) + 64:
        raise PointMistake(f"elements of '{name}' are missing", hint=f"give the list: --at {name}=[...]")
    wanted = list(product(*map(range, sizes)))
    missing = [str(Input(name, index)) for index in wanted if index not in parts]
    if missing:
        raise PointMistake(f"no value for {listed(missing)}", hint="all elements from 0 on are given, or none")
    entries = [parts[index] for index in wanted]
    if len(sizes) == 1:
        return entries
    return [entries[row * sizes[1] : (row + 1) * sizes[1]] for row in range(sizes[0])]


def _from_file(path: str) -> dict[str, Value]:
    """A whole point: a JSON object of numbers and lists."""
    found = read_json(path)
    if not isinstance(found, dict):
        raise UsageMistake(f"{path[:80]} holds no point", hint='a point is a JSON object: {"x": 3, "y": -4}')
    return {str(name): numbers(value, f"{path[:80]}: {name}") for name, value in found.items()}
