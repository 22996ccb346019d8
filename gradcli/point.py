"""A point in the user's words (`x=3,y=-4`, `w=[1, 2]`, `@point.json`) to a value for each input of a program."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any, NamedTuple

from gradcli.errors import GradError, PointMistake, UsageMistake, did_you_mean, listed
from gradcli.graph import CONSTANTS, Input, Node
from gradcli.program import Program, base_of
from gradcli.tokens import WORD
from gradcli.values import Value, numbers, read_arrays, read_json, read_value, split

ITEM = re.compile(rf"\s*({WORD})\s*((?:\[[0-9,\s]*\])*)\s*=(?!=)(.*)", re.DOTALL)
ELEMENT = re.compile(rf"({WORD})((?:\[[0-9,\s]+\])+)")


class Point(NamedTuple):
    """values: by variable; loose: those from a file, which the program need not use."""

    values: dict[str, Value]
    loose: frozenset[str]


def read_point(texts: tuple[str, ...]) -> Point:
    """The point that all --at options give together.

    texts: each `name=value,...` or `@file.json`. Raises PointMistake, UsageMistake.
    """
    whole: dict[str, Value] = {}
    elements: dict[str, dict[tuple[int, ...], Value]] = {}
    loose: set[str] = set()
    twice: list[str] = []
    for text in texts:
        from_file = text.lstrip().startswith("@")
        for name, index, value in _from_file(text.strip()[1:]) if from_file else _items(text):
            known = elements.get(name, {}) if index else whole
            if (index or name) in known or name in (whole if index else elements):
                twice.append(str(Input(name, index)))
            elif index:
                elements.setdefault(name, {})[index] = value
            else:
                whole[name] = value
            if from_file:
                loose.add(name)
    if twice:
        raise PointMistake(f"given twice: {listed(list(dict.fromkeys(twice)))}", hint="each name is bound once")
    for name, parts in elements.items():
        whole[name] = assembled(name, parts)
    return Point(whole, frozenset(loose))


def bind(program: Program, point: Point) -> tuple[dict[Node, float], list[str]]:
    """A value for each input leaf, and the names in the point that nobody needs.

    Raises PointMistake, naming all that is missing or unknown at once.
    """
    leaves, given = program.inputs, point.values
    values: list[Any] = [given.get(base_of(leaf)) for leaf in leaves]
    if set(map(type, values)) == {float} and len(given) == len(leaves) and not program.graph.elements:
        return dict(zip(leaves, values, strict=True)), []  # a number for each name: nothing can be wrong
    unused = unused_names(program, dict.fromkeys(map(base_of, leaves)), point)
    return {leaf: _picked(leaf, given[base_of(leaf)]) for leaf in leaves}, unused


def unused_names(program: Program, variables: Mapping[str, None], point: Point, also: str = "") -> list[str]:
    """The names in the point that nobody needs. also: one that is no input but may be bound.

    Raises PointMistake, naming all that is missing or unknown at once.
    """
    missing = [name for name in variables if name not in point.values]
    unknown = [name for name in point.values if name not in variables and name not in (*point.loose, also)]
    if missing or unknown:
        raise _unbound(program, point.values, missing, unknown)
    return [name for name in point.values if name not in variables and name != also]


def _unbound(program: Program, given: Mapping[str, Value], missing: list[str], unknown: list[str]) -> PointMistake:
    words = []
    if missing:
        words.append(f"no value for {listed(missing)}")
    if unknown:
        words.append(f"the program has no input {listed(unknown)}")
    if not missing:
        return PointMistake(words[0], hint=_about_unknown(program, unknown[0], missing))
    glued = _about_missing(missing, given)
    first = next(leaf for leaf in program.inputs if base_of(leaf) == missing[0])
    hint = _about_unknown(program, unknown[0], missing) if unknown and glued.startswith("give it") else glued
    return PointMistake("; ".join(words), first.span, hint)


def _about_unknown(program: Program, name: str, missing: list[str]) -> str:
    if name in CONSTANTS:
        return f"{name} is a constant and cannot be bound"
    if name in program.graph.statements:
        return f"'{name}' is assigned in the program"
    close = did_you_mean(name, missing or program.variables)
    return close or (f"its inputs are {listed(program.variables)}" if program.variables else "it has none")


def _about_missing(missing: list[str], given: Mapping[str, Value]) -> str:
    from gradcli.gates import GATES, gate_called

    name = missing[0]
    if name == "None":
        return "None is a variable here; a new axis is written in an index: X[:, None]"
    if gate_called(name) is not None:
        return f"{name} is a variable here; a call is written {name}(...)"
    for cut in range(1, min(len(name), 20)):
        left, right = name[:cut], name[cut:]
        if left in given and (right in given or right.isdigit()):
            return f"a product is written {left}*{right}"
        if left in GATES and right in given:
            return f"a call is written {left}({right})"
    return "give it with --at " + ",".join(f"{name}=..." for name in missing[:4])


def _picked(leaf: Node, value: Value) -> float:
    """The entry of a variable's value that a leaf stands for."""
    assert isinstance(leaf.static, Input)
    base, index = leaf.static
    if isinstance(value, GradError):
        raise value
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
    if isinstance(value, GradError):
        raise value
    return float(value)


def _shape(value: list[Value]) -> str:
    return "1 number" if len(value) == 1 else f"{len(value)} numbers"


# -- text ---------------------------------------------------------------------------------


def _items(text: str) -> Iterator[tuple[str, tuple[int, ...], Value]]:
    """The bindings of one --at option."""
    before = ""
    for _, item in split(text):
        found = ITEM.fullmatch(item)
        if found is None:
            raise _no_binding(item, before)
        name, value = found[1], found[3]
        try:
            yield name, _places(name, found[2]), read_value(value)
        except GradError as error:
            error.title = error.title or f"--at {name}"  # an entry of a list knows its text already
            raise error.inside(value.strip()) from None
        before = item.strip()


def _places(name: str, brackets: str) -> tuple[int, ...]:
    """The indices in `[0]`, `[1, 2]` or `[1][2]`; none where there are no brackets."""
    if not brackets:
        return ()
    parts = [part.strip() for part in brackets[1:-1].replace("][", ",").split(",")]
    if not all(part.isdigit() and len(part) < 10 for part in parts):
        raise PointMistake(f"'{name}{brackets[:40]}' is no element", hint=f"write {name}[0]=...")
    return tuple(map(int, parts))


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


def assembled(name: str, parts: Mapping[tuple[int, ...], float]) -> Value:
    """A list from elements that were bound singly."""
    ranks = {len(index) for index in parts}
    if len(ranks) > 1:
        raise PointMistake(f"the elements of '{name}' have indices of different length")
    sizes = [max(places) + 1 for places in zip(*parts, strict=True)]
    if len(sizes) > 2 or prod(sizes) > 4 * len(parts) + 64:
        raise PointMistake(f"elements of '{name}' are missing", hint=f"give the list: --at {name}=[...]")
    wanted = list(product(*map(range, sizes)))
    missing = [str(Input(name, index)) for index in wanted if index not in parts]
    if missing:
        raise PointMistake(f"no value for {listed(missing)}", hint="all elements from 0 on are given, or none")
    entries = [parts[index] for index in wanted]
    if len(sizes) == 1:
        return entries
    return [entries[row * sizes[1] : (row + 1) * sizes[1]] for row in range(sizes[0])]


def _from_file(path: str) -> Iterator[tuple[str, tuple[int, ...], Value]]:
    """A whole point: a JSON object of numbers and lists; what is no number stays an error until it is asked for."""
    if path.endswith(".npz"):
        yield from ((name, (), value) for name, value in read_arrays(path).items())
        return
    found = read_json(path)
    if not isinstance(found, dict):
        raise UsageMistake(f"{path[:80]} holds no point", hint='a point is a JSON object: {"x": 3, "y": -4}')
    for name, value in found.items():
        element = ELEMENT.fullmatch(name)
        base, brackets = (element[1], element[2]) if element else (name, "")
        yield base, _places(base, brackets), _or_error(value, f"{path[:80]}: {name[:60]}")


def _or_error(value: Value, title: str) -> Value:
    try:
        return numbers(value, title)
    except GradError as error:
        return error
