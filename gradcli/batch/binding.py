"""Which column gives which input, what `--at` gives, and what the columns are called that are added."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradcli.errors import PointMistake, UsageMistake, did_you_mean, listed
from gradcli.graph import Input, Node
from gradcli.naming import Names
from gradcli.point import Point, bind
from gradcli.program import Program, base_of

ELEMENT = re.compile(r"(\w+)\s*\[\s*(\d{1,9}(?:\s*,\s*\d{1,9})*)\s*\]")


class Bound(NamedTuple):
    """An input that a column gives. places: where in the lists of the column."""

    key: str
    column: str
    places: tuple[int, ...]


class Binding(NamedTuple):
    """bound: inputs from columns; fixed: numbers from --at; both by the input's own spelling, "x" or "w[0]".

    unused: names in --at that the program does not use.
    """

    bound: list[Bound]
    fixed: dict[str, float]
    unused: list[str]

    @property
    def lists(self) -> dict[str, str]:
        """The columns whose lists give inputs, and the variables they give."""
        return {found.column: found.key.partition("[")[0] for found in self.bound if found.places}


class Added(NamedTuple):
    """A column that is added. key: what the kernel calls it; title: its name in the table.

    entries: for the gradient of lists that come as a column, the places of its entries and their keys.
    column: then the column whose lists have its shape.
    """

    key: str
    title: str
    entries: tuple[tuple[tuple[int, ...], str], ...] = ()
    column: str = ""


def binding(program: Program, columns: tuple[str, ...] | None, point: Point) -> Binding:
    """Where each input comes from; columns that are not known are taken to be there.

    Raises PointMistake, naming all columns that are missing at once, and UsageMistake for names given twice.
    """
    known = _by_input(program, columns, point)
    bound = [found for leaf in program.inputs if (found := _bound(leaf, known)) is not None]
    variables = {base_of(leaf) for leaf in program.inputs if str(leaf.static) in {found.key for found in bound}}
    fixed_too = point.values.keys() - point.loose
    twice = [name for name in program.variables if name in variables & fixed_too]
    if twice:
        raise UsageMistake(f"given twice: {listed(twice)}", hint="by a column of the data, and by --at")
    keys = {found.key for found in bound}
    missing = [leaf for leaf in program.inputs if str(leaf.static) not in keys and base_of(leaf) not in point.values]
    if missing:
        raise missing_columns(missing, columns or ())
    values = {name: _filler(program, name) for name in variables} | point.values
    leaves, unused = bind(program, Point(values, point.loose))
    fixed = {str(leaf.static): value for leaf, value in leaves.items() if str(leaf.static) not in keys}
    return Binding(bound, fixed, unused)


def _by_input(program: Program, columns: tuple[str, ...] | None, point: Point) -> dict[Input, str]:
    """The columns by the input that their name spells."""
    if columns is None:
        return {Input(name): name for name in program.variables if name not in point.values}
    wanted = {name for leaf in program.inputs for name in (str(leaf.static), base_of(leaf))}
    found: dict[Input, str] = {}
    for column in columns:
        spelled = input_called(column)
        if spelled in found and str(spelled) in wanted:
            raise UsageMistake(f"two columns are called '{column[:60]}'")
        found.setdefault(spelled, column)
    return found


def input_called(column: str) -> Input:
    """The input that a column's name spells: `x`, `w[0]`."""
    element = ELEMENT.fullmatch(column)
    if element is None:
        return Input(column)
    return Input(element[1], tuple(map(int, element[2].split(","))))


def _bound(leaf: Node, known: dict[Input, str]) -> Bound | None:
    assert isinstance(leaf.static, Input)
    key = str(leaf.static)
    if leaf.static in known:
        return Bound(key, known[leaf.static], ())
    whole = known.get(Input(leaf.static.base))
    return Bound(key, whole, leaf.static.places) if whole is not None else None


def missing_columns(leaves: list[Node], columns: Sequence[str]) -> PointMistake:
    """What is said of inputs that nothing gives."""
    names = [str(leaf.static) for leaf in leaves]
    what = "column" if len(names) == 1 else "columns"
    return PointMistake(f"the data have no {what} {listed(names)}", leaves[0].span, _hint(names, columns))


def _hint(names: list[str], columns: Sequence[str]) -> str:
    only = columns[0] if len(columns) == 1 else ""
    if "\t" in only:
        return "its cells are separated by tabs: --from tsv"
    if ";" in only:
        return "its cells are separated by semicolons: tr ';' ',' mends that where no number has a decimal comma"
    close = did_you_mean(names[0], list(columns))
    return close or f"the columns are {listed(list(columns))}; --at {names[0]}=... gives all rows the same number"


def _filler(program: Program, name: str) -> object:
    """A value that fits a variable which the data bind."""
    places = [leaf.static.places for leaf in program.inputs if isinstance(leaf.static, Input) and base_of(leaf) == name]
    shape = tuple(max(place) + 1 for place in zip(*places, strict=True))
    return np.zeros(shape).tolist()


# -- what is added ------------------------------------------------------------------------


def added(program: Program, names: Names, found: Binding, inputs: Sequence[str], lists: bool) -> list[Added]:
    """The output, then the gradient of each input asked for, in order of first appearance.

    lists: whether the gradient of lists that come as a column is a list too, instead of a column for each entry.
    """
    columns = [Added(program.graph.output, program.graph.output)]
    whole = {base: column for column, base in found.lists.items()} if lists else {}
    for leaf in program.inputs:
        base = base_of(leaf)
        key = names.gradient_of(leaf)
        if base not in inputs:
            continue
        if base not in whole:
            columns.append(Added(key, key))
        elif names.gradient[base] not in {column.key for column in columns}:
            entries = tuple(
                (other.static.places, names.gradient_of(other))
                for other in program.inputs
                if isinstance(other.static, Input) and other.static.base == base
            )
            columns.append(Added(names.gradient[base], names.gradient[base], entries, whole[base]))
    return columns


def titled(columns: Sequence[Added], taken: Sequence[str]) -> list[Added]:
    """The same columns, each called by a name that the data do not have."""
    used = set(taken)
    found = []
    for column in columns:
        title = column.title
        while title in used:
            title += "_"
        used.add(title)
        found.append(column._replace(title=title))
    return found
