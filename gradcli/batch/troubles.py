"""How many rows of a block are at a tie or a kink, and where nan and inf are born: arrays by name to counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any

import numpy as np

from gradcli.batch.table import Array
from gradcli.evaluate import evaluate
from gradcli.formula import formula
from gradcli.gates import parameters
from gradcli.graph import Node
from gradcli.naming import Names
from gradcli.program import Program, operands_of, used_by_output

Table = Mapping[str, Array]
Counts = dict[tuple[str, str], int]
Numbers = Callable[[Node, Table], Any]  # an array, or one number for all rows


def counter(program: Program, names: Names, gradients: Sequence[str]) -> Callable[[Table], Counts]:
    """What counts the rows at each (kind, stage), in the arrays of inputs, stages and gradients by name.

    A value that is nan or inf counts where it is born: at an input, or at a stage all of whose operands are finite;
    a gradient where all values of its row are finite. gradients: the names of those that are looked at.
    """
    used = used_by_output(program)
    lines = [line for line in program.lines if used[line.index]]
    births = [(names.of[leaf], list[str]()) for leaf in program.inputs]
    births += [(names.of[line], _named(program, line, names)) for line in lines]
    special = [line for line in lines if not line.constant and (line.gate.routes or line.gate.kink)]
    numbers = _numbers(program, names)

    def count(table: Table) -> Counts:
        found: Counts = {}
        for line in special:
            kind, rows = _ties(line, table, numbers) if line.gate.routes else _kinks(line, table, numbers)
            found[kind, names.of[line]] = int(np.count_nonzero(rows))
        found |= _births(births, gradients, table)
        return {key: times for key, times in found.items() if times}

    return count


def _named(program: Program, line: Node, names: Names) -> list[str]:
    """The inputs and stages that a line is printed from."""
    return [names.of[operand] for operand in operands_of(program, line) if operand in names.of]


def _numbers(program: Program, names: Names) -> Numbers:
    """What gives an operand's numbers: from the table, or the same constant for all rows."""
    constants = evaluate(program, dict.fromkeys(program.inputs, nan)).values
    return lambda node, table: table[names.of[node]] if node in names.of else np.float64(constants[node.index])


def _ties(line: Node, table: Table, numbers: Numbers) -> tuple[str, Array]:
    """The rows in which two different operands equal a max or min, not both of them constants."""
    out = numbers(line, table)
    equal = {operand: numbers(operand, table) == out for operand in line.operands}
    several = np.sum([np.broadcast_to(same, out.shape) for same in equal.values()], axis=0) > 1
    return "tie", several & np.any([same for operand, same in equal.items() if not operand.constant], axis=0)


def _kinks(line: Node, table: Table, numbers: Numbers) -> tuple[str, Array]:
    """The rows in which the two sides of the gate's kink are equal, `x == 0` or `x == out`."""
    known = dict(zip(parameters(line.gate), line.operands, strict=True)) | {"out": line}
    rule = formula(line.gate.kink)
    left, right = (
        numbers(known[str(side.static)], table) if str(side.static) in known else float(str(side.static))
        for side in rule.operands
    )
    return "kink", np.equal(left, right)


def _births(births: list[tuple[str, list[str]]], gradients: Sequence[str], table: Table) -> Counts:
    found: Counts = {}
    finite = {name: np.isfinite(table[name]) for name in {*(name for name, _ in births), *gradients}}
    if all(rows.all() for rows in finite.values()):
        return {}
    sound = np.logical_and.reduce([finite[name] for name, _ in births])
    for name, operands in births:
        born = ~finite[name]
        for operand in operands:
            born &= finite[operand]
        found["nonfinite", name] = int(np.count_nonzero(born))
    for name in gradients:
        found["nonfinite", name] = int(np.count_nonzero(sound & ~finite[name]))
    return found
