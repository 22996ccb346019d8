"""Rows whose cells are arrays: each is a point of its own, and rows of the same shapes share one shaped program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradcli.batch.binding import Added, input_called, missing_columns
from gradcli.batch.json_values import array
from gradcli.batch.stream import Done
from gradcli.batch.table import Block, Column, Fault, Faults
from gradcli.calculate import gradients, over_arrays, varying
from gradcli.errors import GradError, PointMistake, UsageMistake, listed
from gradcli.evaluate import Evaluation
from gradcli.findings import findings
from gradcli.naming import names_of
from gradcli.point import Point, assembled, unused_names
from gradcli.program import Program, base_of
from gradcli.shapes import shaped

MOST_SHAPES = 1000  # programs that are kept, one for each combination of shapes
Places = tuple[int, ...]
Values = dict[str, Any]  # a float or an array for each variable


class Source(NamedTuple):
    """The columns that give a variable: one that holds it whole, at the places (), or one for each entry.

    shape: of the array that the entries are.
    """

    columns: Mapping[Places, str]
    shape: Places

    def values(self, block: Block) -> tuple[list[Any], Faults]:
        """A float or an array for each row, and the rows in which there is none."""
        if () in self.columns:
            return _whole(block, self.columns[()])
        faults: Faults = {}
        found = np.empty((*self.shape, len(block.lines)))
        for places, name in self.columns.items():
            found[places] = _noted(block, name, faults).numbers
        return list(np.moveaxis(found, -1, 0)), faults


class Sources(NamedTuple):
    """Where variables come from: columns, by variable, and --at. unused: names in --at that nobody needs."""

    given: dict[str, Source]
    fixed: Point
    unused: list[str]

    @property
    def columns(self) -> list[str]:
        """The columns that give inputs."""
        return [name for source in self.given.values() for name in source.columns.values()]


# -- where variables come from ------------------------------------------------------------


def sources(program: Program, columns: tuple[str, ...] | None, point: Point) -> Sources:
    """Where each variable comes from, and the gradient that arrives from above; columns as for `binding`.

    Raises PointMistake, naming all columns that are missing at once, and UsageMistake for names given twice.
    """
    above = seed_name(program)
    variables = dict.fromkeys(program.variables)
    given = dict(_given(_by_variable(program, columns, point), [*variables, above]))
    twice = [name for name in given if name in point.values and name not in point.loose]
    if twice:
        raise UsageMistake(f"given twice: {listed(twice)}", hint="by a column of the data, and by --at")
    leaves = {base_of(leaf): leaf for leaf in reversed(program.inputs)}
    missing = [leaves[name] for name in variables if name not in given and name not in point.values]
    if missing:
        raise missing_columns(missing, columns or ())
    unused = unused_names(program, variables, Point(dict.fromkeys(given, 0.0) | point.values, point.loose), above)
    return Sources(given, point, unused)


def seed_name(program: Program) -> str:
    """What the gradient that arrives at the output is called."""
    return names_of(program).gradient[program.graph.output]


def _by_variable(program: Program, columns: tuple[str, ...] | None, point: Point) -> dict[str, dict[Places, str]]:
    """The columns by the variable that their name spells, and by the place in it."""
    found: dict[str, dict[Places, str]] = {}
    if columns is None:
        columns = tuple(name for name in program.variables if name not in point.values)
    for column in columns:
        base, places = input_called(column)
        if places in found.setdefault(base, {}) and base in program.variables:
            raise UsageMistake(f"two columns are called '{column[:60]}'")
        found[base].setdefault(places, column)
    return found


def _given(known: dict[str, dict[Places, str]], wanted: Sequence[str]) -> Iterator[tuple[str, Source]]:
    """The source of each variable that columns give. Raises PointMistake where some of its entries are missing."""
    for name in wanted:
        columns = known.get(name)
        if not columns:
            continue
        if () in columns and len(columns) > 1:
            raise UsageMistake(f"given twice: {listed([name])}", hint="by a column of lists, and by columns of entries")
        yield name, Source(columns, () if () in columns else _shape(name, columns))


def _shape(name: str, columns: Mapping[Places, str]) -> Places:
    return np.shape(assembled(name, dict.fromkeys(columns, 0.0)))


def _whole(block: Block, name: str) -> tuple[list[Any], Faults]:
    """What each row has in a column: lists as arrays, all else as it is in a table of numbers."""
    faults: Faults = {}
    values = block.values(name)
    if not any(isinstance(value, list) for value in values):
        return _noted(block, name, faults).numbers.tolist(), faults
    column = block.column(name)
    found: list[Any] = column.numbers.tolist()
    faults = {row: fault for row, fault in column.faults.items() if not isinstance(values[row], list)}
    for row, value in enumerate(values):
        if isinstance(value, list):
            try:
                found[row] = array(value)
            except PointMistake as error:
                faults[row] = Fault(error.message)
    return found, {row: fault._replace(column=name) for row, fault in faults.items()}


def _noted(block: Block, name: str, faults: Faults) -> Column:
    """A column of numbers, with its faults noted."""
    column = block.column(name)
    for row, fault in column.faults.items():
        faults.setdefault(row, fault._replace(column=name))
    return column


# -- what is computed ---------------------------------------------------------------------


class Arrays:
    """What computes blocks of a program over arrays, by the way of a single point."""

    def __init__(self, program: Program, found: Sources, inputs: Sequence[str], ties: str, fuse: bool) -> None:
        """inputs: the variables whose gradient is asked for. fuse: how the program was staged."""
        self.program = program
        self.sources = found
        self.inputs = inputs
        self.ties = ties
        self.fuse = fuse
        self.gradient = names_of(program).gradient
        self._shaped: dict[tuple[Any, ...], Program | GradError] = {}

    def added(self) -> list[Added]:
        """The output, then the gradient of each input asked for."""
        keys = [self.program.graph.output, *(self.gradient[name] for name in self.inputs)]
        return [Added(key, key) for key in keys]

    def without_gradient(self, block: Block) -> set[str]:
        """The names of the gradients that are none, of inputs which only pick rows, as the first good row has it."""
        values, faults = self._values(block)
        for row in range(len(block.lines)):
            evaluation = self._evaluated(values, row, faults)
            if evaluation is not None:
                vary = varying(evaluation.program)
                return {self.gradient[name] for name in self.program.variables if name not in vary}
        return set()

    def computed(self, block: Block) -> Done:
        """The results of a block's good rows, and why the others have none."""
        values, faults = self._values(block)
        results: dict[str, list[Any]] = {column.key: [] for column in self.added()}
        troubles: Counter[tuple[str, str]] = Counter()
        for row in range(len(block.lines)):
            evaluation = self._evaluated(values, row, faults)
            if evaluation is not None:
                for key, value in self._results(evaluation, self._point(values, row)).items():
                    results[key].append(value)
                found = findings(evaluation, self.ties)
                troubles.update(dict.fromkeys((one.kind, one.stage) for one in found if one.kind != "remark").keys())
        good = np.setdiff1d(np.arange(len(block.lines)), list(faults)) if faults else None
        return Done(block, good, results, faults, troubles)

    def _values(self, block: Block) -> tuple[dict[str, list[Any]], Faults]:
        """For each variable that columns give its values, row by row; the rows in which one is missing."""
        faults = dict(block.faults)
        values: dict[str, list[Any]] = {}
        for name, source in self.sources.given.items():
            values[name], found = source.values(block)
            for row, fault in found.items():
                faults.setdefault(row, fault)
        return values, faults

    def _point(self, values: Mapping[str, list[Any]], row: int) -> Values:
        return self.sources.fixed.values | {name: column[row] for name, column in values.items()}

    def _evaluated(self, values: Mapping[str, list[Any]], row: int, faults: Faults) -> Evaluation | None:
        """A row at its point; where that is none, the fault is noted."""
        if row in faults:
            return None
        point = Point(self._point(values, row), self.sources.fixed.loose)
        try:
            return over_arrays(self.program, point, self.ties, self.inputs, self.fuse, self._shaping).evaluation
        except GradError as error:
            faults[row] = Fault(error.message + (f"; {error.hint}" if error.hint else ""))
            return None

    def _shaping(self, program: Program, shapes: Mapping[str, Any], fuse: bool) -> Program:
        """`shaped`, which is called once for the same shapes."""
        key = tuple(shapes.values())
        if key not in self._shaped:
            if len(self._shaped) >= MOST_SHAPES:
                self._shaped.clear()
            try:
                self._shaped[key] = shaped(program, shapes, fuse)
            except GradError as error:
                self._shaped[key] = error
        found = self._shaped[key]
        if isinstance(found, GradError):
            raise found
        return found

    def _results(self, evaluation: Evaluation, point: Values) -> dict[str, Any]:
        """The output and the gradients by name: numbers and nested lists."""
        value = evaluation.value(evaluation.program.output)
        found = gradients(evaluation, point, self.inputs).items()
        return {self.program.graph.output: value} | {self.gradient[name]: slope for name, slope in found}
