"""Assignments carried out on values at several points, as NumPy would: names share arrays, `+=` works in place.

Only expressions of the project's own language are evaluated, by its own evaluator.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from gradcli.array_evaluate import forward_values
from gradcli.diagnose.reader import Assignment
from gradcli.diagnose.respelling import Respelled, respelled
from gradcli.errors import GradError, NameMistake, ShapeMistake, Span, did_you_mean
from gradcli.graph import Graph, Input
from gradcli.parser import parse
from gradcli.program import Program
from gradcli.shapes import shaped
from gradcli.staging import cut

Value = Any  # a number or an array
Memory = dict[str, Value]
CONDITIONS = ("lt", "le", "gt", "ge", "eq", "ne")
IN_PLACE = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}


class Formula(NamedTuple):
    """An expression ready to be evaluated. names: what it reads."""

    text: Respelled
    program: Program
    names: tuple[str, ...]


class Machine:
    """Formulas, each read once. source: the file, for messages; wholes: whole numbers that names stand for."""

    def __init__(self, source: str, wholes: Mapping[str, int]) -> None:
        self.source = source
        self.wholes = dict(wholes)
        self._formulas: dict[tuple[str, int], Formula | GradError] = {}
        self._shaped: dict[tuple[Any, ...], Program | GradError] = {}

    def formula(self, expression: str, at: int) -> Formula:
        """An expression that stands at `at` in the file. Raises GradError with its place there."""
        key = (expression, at)
        if key not in self._formulas:
            try:
                self._formulas[key] = self._read(expression, at)
            except GradError as error:
                self._formulas[key] = error
        found = self._formulas[key]
        if isinstance(found, GradError):
            raise found
        return found

    def _read(self, expression: str, at: int) -> Formula:
        text = respelled(expression, at, self.wholes)
        try:
            program = cut(text.text, parse(text.text, Graph()), False)
        except GradError as error:
            raise self._placed(error, text) from None
        return Formula(text, program, tuple(program.variables))

    def _placed(self, error: GradError, text: Respelled) -> GradError:
        if error.span is not None and error.source is None:
            error.span = text.span(error.span)
        error.source = self.source
        return error

    def shaped(self, formula: Formula, memory: Mapping[str, Value]) -> Program:
        """A formula's program for the shapes that its names have. Raises ShapeMistake, NameMistake."""
        for name in formula.names:
            if name not in memory:
                raise self._unknown(name, formula, memory)
        shapes = {name: np.shape(memory[name]) for name in formula.names}
        key = (id(formula.program), *shapes.values())
        if key not in self._shaped:
            try:
                self._shaped[key] = shaped(formula.program, shapes, False)
            except GradError as error:
                self._shaped[key] = self._placed(error, formula.text)
        found = self._shaped[key]
        if isinstance(found, GradError):
            raise found
        return found

    def _unknown(self, name: str, formula: Formula, memory: Mapping[str, Value]) -> NameMistake:
        leaf = next(
            leaf for leaf in formula.program.inputs if isinstance(leaf.static, Input) and leaf.static.base == name
        )
        hint = did_you_mean(name, [known for known in memory if known != name])
        return NameMistake(f"'{name}' has no value here", formula.text.span(leaf.span), hint, self.source)

    def value(self, expression: str, at: int, memory: Mapping[str, Value]) -> Value:
        """What an expression is; a bare name is the array itself, not a copy."""
        formula = self.formula(expression, at)
        program = self.shaped(formula, memory)
        leaves = {leaf: _entry(memory, leaf.static) for leaf in program.inputs}
        with np.errstate(all="ignore"):
            try:
                values = forward_values(program, leaves)
            except GradError as error:
                raise self._placed(error, formula.text) from None
        found = values[program.output.index]
        return np.array(found) if formula.text.fresh and np.ndim(found) else found

    def carry_out(self, line: Assignment, memory: Memory, like: Value = None) -> None:
        """One assignment. like: a value of the shape that a target has whose entries are set one by one.

        Raises GradError where it cannot be carried out.
        """
        value = plain(self.value(line.expression, line.at, memory))
        if line.entry:
            self._set_entries(line, value, memory, like)
        elif not line.operator:
            memory[line.target] = value
        elif line.target not in memory:
            memory[line.target] = {"+": value, "-": -value}.get(line.operator, value * np.nan)
        else:
            memory[line.target] = self._combined(line, memory[line.target], value)

    def _combined(self, line: Assignment, before: Value, value: Value) -> Value:
        operation = IN_PLACE[line.operator]
        with np.errstate(all="ignore"):
            try:
                if isinstance(before, np.ndarray):
                    return operation(before, value, out=before)
                return plain(operation(before, value))
            except ValueError:
                raise self._misfit(line, np.shape(before), np.shape(value)) from None

    def _misfit(self, line: Assignment, before: tuple[int, ...], value: tuple[int, ...]) -> ShapeMistake:
        message = f"{line.target} has the shape {before}, and what is added {value}"
        return ShapeMistake(message, line.place, "", self.source)

    def _set_entries(self, line: Assignment, value: Value, memory: Memory, like: Value) -> None:
        if line.target not in memory:
            memory[line.target] = np.zeros(np.shape(like))
        owner = memory[line.target]
        if not isinstance(owner, np.ndarray):
            raise ShapeMistake(f"'{line.target}' is a number and has no entries", line.statement, "", self.source)
        key = self.key_of(line, memory, np.shape(owner))
        with np.errstate(all="ignore"):
            try:
                owner[key] = IN_PLACE[line.operator](owner[key], value) if line.operator else value
            except (ValueError, IndexError, TypeError):
                message = f"the entries of {line.target} and what is assigned to them do not fit"
                raise ShapeMistake(message, line.statement, "", self.source) from None

    def _bound(self, text: str, begin: int, memory: Memory) -> int | None:
        """A bound of a slice: a whole number, worked out or not at all written."""
        if not text.strip():
            return None
        value = np.asarray(self.value(text.strip(), begin, memory))
        if value.ndim or value != np.round(value):
            raise ShapeMistake("a bound of a slice is a whole number", Span(begin, begin + 1), "", self.source)
        return int(value)

    def key_of(self, line: Assignment, memory: Memory, shape: tuple[int, ...]) -> Any:
        """The index of a target: whole numbers, slices, arrays of whole numbers, or a mask."""
        begin = self.source.find("[", line.begin) + 1
        parts = re.split(r",(?![^(\[]*[)\]])", line.entry[1:-1])
        found: list[Any] = []
        for part in parts:
            if ":" in part:
                found.append(slice(*(self._bound(bound, begin, memory) for bound in part.split(":"))))
            else:
                value = np.asarray(self.value(part.strip(), begin, memory))
                mask = value.shape == shape and value.ndim > 0 and bool(np.isin(value, (0.0, 1.0)).all())
                found.append(value.astype(bool if mask else int))
        return tuple(found) if len(found) > 1 else found[0]


def _entry(memory: Mapping[str, Value], leaf: object) -> Value:
    assert isinstance(leaf, Input)
    return np.asarray(memory[leaf.base])[leaf.places] if leaf.places else memory[leaf.base]


def plain(value: Value) -> Value:
    """An array of no dimensions as the number that it is."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def copied(memory: Memory) -> Memory:
    """A memory of its own, in which names share arrays as they did."""
    arrays: dict[int, Value] = {}
    found = {}
    for name, value in memory.items():
        if isinstance(value, np.ndarray):
            value = arrays.setdefault(id(value), value.copy())
        found[name] = value
    return found


def same(value: Value, expected: Value, scale: float) -> bool:
    """Whether two values agree up to rounding. scale: the size of what they are made of."""
    if np.shape(value) != np.shape(expected):
        return False
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(expected))) if np.size(expected) else 0.0
        allowed = TOLERANCE * max(largest, scale)
        return bool(np.all(np.abs(value - expected) <= allowed)) if np.isfinite(allowed) else False


TOLERANCE = 1e-7


def at(line: Assignment) -> Span:
    """The place of a line's whole statement."""
    return line.statement
