"""JSON values of a column to floats, and texts to JSON values: strictly JSON, each name once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from math import inf, nan
from typing import Any

import numpy as np

from gradcli.batch.table import Array, Column, Fault, Faults, shown
from gradcli.errors import PointMistake
from gradcli.values import DEEPEST

MISSING = object()  # what a row has for a name that is not in it
WORDS = {"NaN": nan, "Infinity": inf, "-Infinity": -inf}  # how numbers that are not finite are written in strict JSON

NOT_FINITE = re.compile("NaN|-?Infinity")
QUOTED = {repr(number): f'"{word}"' for word, number in WORDS.items()}


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name is given twice")
    return found


def _refuse(word: str) -> object:
    raise ValueError(f'{word} is no JSON, write "{word}" in quotes')


read: Callable[[str], Any] = json.JSONDecoder(object_pairs_hook=_distinct, parse_constant=_refuse).decode
read_with_digits: Callable[[str], Any] = json.JSONDecoder(parse_float=str, parse_int=str).decode


def value_or_text(text: str) -> object:
    """The JSON value that a text is; the text itself if it is none."""
    try:
        return read(text)
    except (ValueError, RecursionError):
        return text


def floats(values: list[object]) -> Column:
    """JSON numbers as floats; "NaN", "Infinity" and "-Infinity" too."""
    if set(map(type, values)) <= {float, int}:
        try:
            return Column(np.array(values, np.float64), {})
        except OverflowError:
            pass  # a whole number beyond the largest float
    faults: Faults = {}
    return Column(np.array([_float(value, row, faults) for row, value in enumerate(values)], np.float64), faults)


def entries(values: list[object], places: tuple[int, ...]) -> Column:
    """What stands at one place in nested lists: places (1, 2) is [1][2]."""
    faults: Faults = {}
    found: list[object] = []
    for row, value in enumerate(values):
        for place in places:
            if not isinstance(value, list):
                faults[row] = Fault("is missing" if value is MISSING else f"{_told(value)} is no list")
                break
            if place >= len(value):
                faults[row] = Fault(f"the list has {len(value)} entries, [{place}] is wanted")
                break
            value = value[place]
        found.append(0.0 if row in faults else value)
    column = floats(found)
    return Column(column.numbers, column.faults | faults)


def _float(value: object, row: int, faults: Faults) -> float:
    if isinstance(value, str) and value in WORDS:
        return WORDS[value]
    if isinstance(value, bool) or not isinstance(value, float | int):
        faults[row] = Fault("is missing" if value is MISSING else f"{_told(value)} is no number")
        return 0.0
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf


def array(value: list[Any]) -> Array:
    """Nested JSON lists of numbers as an array. Raises PointMistake."""
    shape, entries = _laid_out(value, 0)
    numbers, faults = floats(entries)
    if faults:
        raise PointMistake(next(iter(faults.values())).message)
    return numbers.reshape(shape)


def _laid_out(value: list[Any], depth: int) -> tuple[tuple[int, ...], list[Any]]:
    """The shape of nested lists, and their entries one after the other."""
    if depth >= DEEPEST:
        raise PointMistake(f"a list is nested more than {DEEPEST} deep")
    if not any(isinstance(part, list) for part in value):
        return (len(value),), value
    parts = [_laid_out(part, depth + 1) if isinstance(part, list) else ((), [part]) for part in value]
    shapes = {shape for shape, _ in parts}
    if len(shapes) > 1:
        raise PointMistake("the rows of the list differ in length")
    return (len(value), *shapes.pop()), [entry for _, entries in parts for entry in entries]


def _told(value: object) -> str:
    """A value as a message shows it."""
    if isinstance(value, str):
        return f"'{shown(value)}'"
    return {list: "a list", dict: "an object", type(None): "null"}.get(type(value), str(value).lower())


def json_texts(numbers: Array) -> list[str]:
    """Numbers as strict JSON has them."""
    texts = list(map(repr, numbers.tolist()))
    return texts if np.isfinite(numbers).all() else [QUOTED.get(text, text) for text in texts]


def json_text(value: object) -> str:
    """A number or nested lists as strict JSON has them."""
    return NOT_FINITE.sub(r'"\g<0>"', json.dumps(value))


def filled(shape: object, entries: Mapping[tuple[int, ...], str]) -> str:
    """Lists of the shape of others as JSON: entries by place, 0 elsewhere."""

    def text(value: object, place: tuple[int, ...]) -> str:
        if isinstance(value, list):
            return f"[{', '.join(text(part, (*place, number)) for number, part in enumerate(value))}]"
        return entries.get(place, "0.0")

    return text(shape, ())
