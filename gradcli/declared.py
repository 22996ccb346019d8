"""Shapes in the user's words (`W=5x10,b=10`, `W=mxk`) to a shape for each variable of a program.

A size is a whole number or a name; equal names are equal sizes. `b=10` is a vector, `s=()` a number, and a size
whose name has an x in it is written in parentheses: `X=(batch, max_len)`. What is not declared is a number, or as
long as the elements that the program uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gradcli.dimensions import Shape
from gradcli.errors import ShapeMistake, Span, did_you_mean, listed
from gradcli.graph import CONSTANTS, Input
from gradcli.program import Program
from gradcli.sizes import Dim
from gradcli.tokens import WORD
from gradcli.values import split

ITEM = re.compile(rf"\s*({WORD})\s*=\s*(.*?)\s*", re.DOTALL)
SIZE = re.compile(r"[0-9]{1,15}|[A-Za-z_][A-Za-z0-9_]*")
MOST_AXES = 32
HOW = "shapes are written W=5x10,b=10 or, with names for sizes, W=mxk"


class Declared(NamedTuple):
    """One shape as it was declared, and the place of its variable's name."""

    name: str
    shape: Shape
    source: str
    span: Span


def declared_shapes(program: Program, texts: tuple[str, ...]) -> dict[str, Shape]:
    """A shape for each variable of the program, in order of first appearance.

    texts: each `name=shape,...`. Raises ShapeMistake, with a place in the text that it is about.
    """
    found: dict[str, Declared] = {}
    for declared in (one for text in texts for one in _read(text)):
        if declared.name in found:
            raise _mistake(f"'{declared.name}' is declared twice", declared, "each name has one shape")
        found[declared.name] = declared
    unknown = [one for one in found.values() if one.name not in program.variables]
    if unknown:
        raise _unknown(program, unknown, found)
    return {name: found[name].shape if name in found else _undeclared(program, name) for name in program.variables}


def _read(text: str) -> Iterator[Declared]:
    """The shapes of one --shape option."""
    for start, item in split(text):
        place = Span(start + len(item) - len(item.lstrip()), start + len(item.rstrip()))
        parts = ITEM.fullmatch(item)
        if parts is None:
            raise ShapeMistake(f"'{item.strip()[:60]}' is no name=shape", place, HOW, text, "--shape")
        name = Span(start + parts.start(1), start + parts.end(1))
        shape = _shape(parts[2], text, Span(start + parts.start(2), start + parts.end(2)) if parts[2] else place)
        yield Declared(parts[1], shape, text, name)


def _shape(written: str, text: str, place: Span) -> Shape:
    """The sizes in `5x10`, `(5, 10)`, `10` or `()`."""
    if written.startswith("(") and written.endswith(")"):
        inner = written[1:-1].strip().removesuffix(",")
        parts = inner.split(",") if inner else []
    else:
        parts = re.split("[x×]", written)
    sizes = [part.strip() for part in parts]
    if len(sizes) > MOST_AXES:
        raise ShapeMistake(f"an array has at most {MOST_AXES} axes", place, "", text, "--shape")
    wrong = next((size for size in sizes if SIZE.fullmatch(size) is None), None)
    if wrong is not None:
        message = f"'{wrong[:60]}' is no size" if wrong else f"'{written[:60]}' is no shape: a size is missing"
        raise ShapeMistake(message, place, HOW, text, "--shape")
    return tuple(map(_size, sizes))


def _size(written: str) -> Dim:
    return int(written) if written.isdigit() else written


def _undeclared(program: Program, name: str) -> Shape:
    """The shape of a variable that was not declared: that of its elements, or that of a number."""
    leaves = [leaf.static for leaf in program.inputs]
    places = [leaf.places for leaf in leaves if isinstance(leaf, Input) and leaf.base == name and leaf.places]
    if len({len(index) for index in places}) != 1:
        return ()
    return tuple(max(along) + 1 for along in zip(*places, strict=True))


def _unknown(program: Program, unknown: list[Declared], found: dict[str, Declared]) -> ShapeMistake:
    first = unknown[0]
    names = listed([one.name for one in unknown])
    if first.name in CONSTANTS:
        return _mistake(f"'{first.name}' is a constant and has no shape to declare", first, "")
    if first.name in program.graph.statements:
        return _mistake(f"'{first.name}' is assigned in the program", first, "its shape follows from the inputs'")
    free = [name for name in program.variables if name not in found]
    hint = did_you_mean(first.name, free) or (
        f"its inputs are {listed(program.variables)}" if program.variables else ""
    )
    return _mistake(f"the program has no input {names}", first, hint)


def _mistake(message: str, declared: Declared, hint: str) -> ShapeMistake:
    return ShapeMistake(message, declared.span, hint, declared.source, "--shape")
