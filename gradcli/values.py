"""A value in the user's words to a number or nested lists: `3`, `pi/2`, `[1, 2]`, `@w.csv`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, nan
from typing import Any

from gradcli.errors import GradError, PointMistake, Span, UsageMistake, listed
from gradcli.evaluate import evaluate
from gradcli.files import read_text
from gradcli.staging import stage

Value = Any  # a float, or a list of Values
PLAIN_NUMBER = re.compile(r"\s*[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\s*")
SPECIAL = {"inf": inf, "infinity": inf, "nan": nan}
DEEPEST = 32  # NumPy's limit on dimensions was this for decades


def read_value(text: str) -> Value:
    """A number, a constant expression, a list of these, or the contents of `@file`."""
    return _read(text, 0)


def _read(text: str, depth: int) -> Value:
    text = text.strip()
    if PLAIN_NUMBER.fullmatch(text):
        return float(text)
    if text.startswith("["):
        return _list(text, depth)
    if text.startswith("@"):
        return _array_file(text[1:])
    word = text.lower().lstrip("+-")
    if word in SPECIAL and len(text) - len(word) < 2:
        return -SPECIAL[word] if text.startswith("-") else SPECIAL[word]
    return _constant(text)


def split(text: str) -> Iterator[tuple[int, str]]:
    """The parts between commas that stand outside brackets, and where they begin; an empty last part is dropped."""
    depth = start = 0
    for place, sign in enumerate(text):
        if sign in "[(":
            depth += 1
        elif sign in "])":
            depth -= 1
        elif sign == "," and depth <= 0:
            yield start, text[start:place]
            start = place + 1
    if text[start:].strip() or start == 0:
        yield start, text[start:]


def _constant(text: str) -> float:
    if not text:
        raise PointMistake("a value is missing", hint="write name=number")
    if "=" in text.replace("==", "").replace("<=", "").replace(">=", "").replace("!=", "") or ";" in text:
        raise PointMistake(f"'{text[:60]}' is no number", hint="bindings are separated by commas: x=3,y=4")
    program = stage(text)
    if program.graph.arrays:
        raise PointMistake("a value is a number or a list, and this works on arrays", program.output.span)
    if program.inputs:
        names = listed(program.variables, 3)
        raise PointMistake(f"{names} is no number", program.inputs[0].span, "a value is a number such as 3, 1e-3, pi/2")
    evaluation = evaluate(program, {})
    return float(evaluation.value(program.output))


def _list(text: str, depth: int) -> list[Value]:
    if depth > DEEPEST:
        raise PointMistake(f"a list is nested more than {DEEPEST} deep")
    if not text.endswith("]"):
        raise PointMistake("something follows the list" if "]" in text else "a list is not closed")
    inner = text[1:-1]
    return _even([_entry(part, start + 1, text, depth) for start, part in split(inner)] if inner.strip() else [])


def _entry(part: str, start: int, text: str, depth: int) -> Value:
    """One entry of a list, which begins at `start` of the list's text."""
    try:
        return _read(part, depth + 1)
    except GradError as error:
        if error.span is not None and error.source is None:
            shift = start + len(part) - len(part.lstrip())
            error.span = Span(error.span.start + shift, error.span.end + shift)
        raise error.inside(text) from None


def _even(value: list[Value]) -> list[Value]:
    """The list itself, if its parts are all numbers or all lists of one shape."""
    shapes = {_dimensions(part) for part in value}
    if len(shapes) > 1 or None in shapes:
        raise PointMistake("the rows of the list differ in length", hint="each row has the same number of entries")
    return value


def _dimensions(value: Value) -> tuple[int, ...] | None:
    """The shape of nested lists, () for a number, None if it is ragged."""
    if not isinstance(value, list):
        return ()
    inner = {_dimensions(part) for part in value}
    if len(inner) > 1 or None in inner:
        return None
    return (len(value), *(inner.pop() if inner else ()))  # type: ignore[misc]


# -- files --------------------------------------------------------------------------------


def read_json(path: str) -> Any:
    """The contents of a JSON file, whole numbers as floats."""
    import json

    try:
        return json.loads(read_text(path), parse_int=float, object_pairs_hook=_once_each)
    except RecursionError:
        raise UsageMistake(f"{path[:80]} is no JSON that can be read: it is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise UsageMistake(f"{path[:80]} is no JSON: {str(error)[:80]}") from None


def _array_file(path: str) -> Value:
    if path.endswith(".json"):
        return _even([numbers(read_json(path), path[:80])])[0]
    if path.endswith(".csv"):
        return _squeezed(_even(list(_rows(read_text(path), path[:80]))), path)
    if path.endswith((".npy", ".npz")):
        return _only(read_arrays(path), path)
    raise UsageMistake(f"'{path[:80]}' cannot be read", hint="a value is read from .csv, .json, .npy or .npz")


def _rows(text: str, title: str) -> Iterator[list[Value]]:
    """The numbers of each line of a CSV file that is not blank. Raises GradError at the cell that holds none."""
    start = 0
    for line in text.split("\n"):
        cells, row = line.split(",") if line.strip() else [], []
        for cell in cells:
            try:
                row.append(numbers(cell, title))
            except GradError as error:
                word = cell.strip()
                place = start + cell.index(word)
                error.source, error.title, error.span = text, title, Span(place, place + len(word))
                raise
            start += len(cell) + 1
        start += 0 if cells else len(line) + 1
        if row:
            yield row


def _squeezed(rows: list[Value], path: str) -> Value:
    """A single row or column is a vector, as numpy.loadtxt has it."""
    if not rows:
        raise UsageMistake(f"{path[:80]} holds no numbers")
    if len(rows) == 1:
        return rows[0]
    return [row[0] for row in rows] if len(rows[0]) == 1 else rows


def read_arrays(path: str) -> dict[str, Value]:
    """The arrays of an .npz file by name, or that of an .npy file under no name; nothing in them is ever executed."""
    import numpy as np

    shown = path[:120]
    try:
        loaded = np.load(path, allow_pickle=False)
        arrays = {name: loaded[name] for name in loaded.files} if path.endswith(".npz") else {"": loaded}
    except OSError as error:
        reason = error.strerror or "it is no file of NumPy"
        raise UsageMistake(f"{shown} cannot be read: {reason}") from None
    except Exception:  # whatever a damaged file makes of the reader
        reason = "it is no file of numbers that NumPy wrote"
        raise UsageMistake(f"{shown} cannot be read: {reason}") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise PointMistake(f"{shown}{': ' + name if name else ''} holds no real numbers, but {array.dtype}")
    return {name: array.astype(float).tolist() for name, array in arrays.items()}


def _only(arrays: dict[str, Value], path: str) -> Value:
    if len(arrays) != 1:
        names = listed(list(arrays)) if arrays else "no array"
        raise UsageMistake(f"{path[:80]} holds {names}", hint=f"give them all: --at @{path[:80]}")
    return next(iter(arrays.values()))


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which no name may come twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise PointMistake(f"given twice: '{name[:60]}'", hint="each name is bound once")
        found[name] = value
    return found


def numbers(value: Any, title: str, depth: int = 0) -> Value:
    """JSON values with every entry a float."""
    if depth > DEEPEST:
        raise PointMistake(f"{title}: a list is nested more than {DEEPEST} deep")
    if isinstance(value, list):
        return [numbers(part, title, depth + 1) for part in value]
    if isinstance(value, str):
        try:
            return read_value(value) if not value.lstrip().startswith(("@", "[")) else _refuse(title, value)
        except GradError as error:
            raise error.inside(value, title) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _refuse(title, value)
    return float(value)


def _refuse(title: str, value: object) -> Value:
    raise PointMistake(f"{title}: {str(value)[:40]!r} is no number")
