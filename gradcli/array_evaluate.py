"""Values and gradients of a program over arrays, line by line in the order of evaluate.py.

A gradient is a new array for each contribution, never one that is changed in place: so no two share their memory.
Broadcasting is undone in one place, where a share arrives at an operand of another shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod
from typing import Any

import numpy as np

from gradcli import backward
from gradcli.array_elementwise import Array
from gradcli.array_pullbacks import sum_to
from gradcli.array_values import leaf_value, settings_of, value, worked_out
from gradcli.dimensions import written
from gradcli.errors import PointMistake, ShapeMistake
from gradcli.evaluate import Evaluation
from gradcli.gates import Gate, parameters, variadic
from gradcli.graph import Node
from gradcli.program import Program

MOST_ENTRIES = 10**9  # of one array: 8 GB


def evaluate_arrays(
    program: Program,
    point: Mapping[Node, Any],
    ties: str = "first",
    wrt: Iterable[str] | None = None,
    seed: Any = None,
) -> Evaluation:
    """Values and gradients of a program with shapes.

    point: a number or array for each input leaf. seed: the gradient that arrives at the output; 1 if None.
    """
    _check_sizes(program)
    with np.errstate(all="ignore"):
        values = forward_values(program, point)
        active = backward.active(program, wrt)
        arriving = np.ones(np.shape(values[program.output.index])) if seed is None else seed
        sweep = _Sweep(program, values, ties, active, arriving)
        for line in reversed(program.lines):
            gradient = sweep.gradients[line.index]
            if gradient is not None:
                sweep.send(line, gradient)
    return Evaluation(program, values, sweep.gradients, active)


def sent_arrays(evaluation: Evaluation, line: Node, ties: str) -> dict[int, Any]:
    """What one line of the backward pass sends to its operands, by their index."""
    with np.errstate(all="ignore"):
        sweep = _Sweep(evaluation.program, evaluation.values, ties, evaluation.active, None)
        sweep.gradients[evaluation.program.output.index] = None
        sweep.send(line, evaluation.gradients[line.index])
    return {place: share for place, share in enumerate(sweep.gradients) if share is not None}


def _check_sizes(program: Program) -> None:
    """Refuse arrays that no memory holds before the first is made. Raises ShapeMistake."""
    for node in program.order:
        shape = program.shapes[node]
        entries = prod(size for size in shape if isinstance(size, int))
        if entries > MOST_ENTRIES:
            text = program.text[node.start : node.end].strip()
            text = text if len(text) <= 40 else text[:37] + "..."
            message = f"{text} would be an array of shape {written(shape)}: {entries:.3g} entries"
            raise ShapeMistake(message, node.span, f"an array has at most {MOST_ENTRIES:,} entries")


def forward_values(program: Program, point: Mapping[Node, Any]) -> list[Any]:
    """The value of every node of a program with shapes, by its index. point: as for `evaluate_arrays`."""
    values: list[Any] = [np.float64(np.nan)] * len(program.graph.nodes)
    for node in program.graph.nodes:
        if not node.operands:
            values[node.index] = leaf_value(node) if node.constant else point[node]
    for node in program.order:
        operands = tuple(values[operand.index] for operand in node.operands)
        if node.gate.name in ("pick", "pick2"):
            _check_picks(node, program, operands)
        values[node.index] = value(node.gate, operands, settings_of(node))
    return values


def _check_picks(node: Node, program: Program, operands: tuple[Array, ...]) -> None:
    """Whether what picks rows is made of whole numbers that the array has. Raises PointMistake."""
    from gradcli.array_gates import Hole

    index = settings_of(node)["index"]
    for axis, entry in enumerate(entry for entry in index if entry is not None):
        if not isinstance(entry, Hole):
            continue
        chosen, size = np.asarray(operands[entry.place]), np.shape(operands[0])[axis]
        wrong = chosen[~((chosen == np.floor(chosen)) & (chosen >= -size) & (chosen < size))]
        if wrong.size:
            text = program.text[node.operands[entry.place].start : node.operands[entry.place].end]
            raise PointMistake(
                f"'{text[:40]}' picks entries along axis {axis} and cannot be {wrong.ravel()[0]:g}",
                node.span,
                f"whole numbers from 0 to {size - 1}",
            )


class _Sweep:
    """The backward pass under way: gradients so far, by index of a node."""

    def __init__(self, program: Program, values: list[Any], ties: str, active: bytearray, seed: Any) -> None:
        self.program = program
        self.values = values
        self.ties = ties
        self.active = active
        self.gradients: list[Any] = [None] * len(values)
        self.gradients[program.output.index] = seed

    def send(self, node: Node, gradient: Array) -> None:
        """Pass a gradient on to the operands of a node; what is inside its line passes it on at once."""
        for operand, share in zip(node.operands, self._shares(node, gradient), strict=True):
            if share is None:
                continue
            place = operand.index
            if np.shape(share) != np.shape(self.values[place]):
                share = sum_to(share, np.shape(self.values[place]))
            if self.program.inside[place]:
                self.send(operand, share)
            else:
                before = self.gradients[place]
                self.gradients[place] = share if before is None else before + share

    def _shares(self, node: Node, gradient: Array) -> Iterable[Array | None]:
        """What each operand of a node receives, None where nothing flows."""
        asked = [bool(self.active[operand.index]) for operand in node.operands]
        operands = [self.values[operand.index] for operand in node.operands]
        out = self.values[node.index]
        if node.gate.routes == "operands":
            return routed(self.ties, operands, out, gradient, asked)
        if variadic(node.gate):
            return self._parts(node, gradient, asked)
        letters = {**dict(zip(parameters(node.gate), operands, strict=True)), "out": out, "dout": gradient}
        settings = {**settings_of(node), "ties": self.ties}
        return [
            self._share(node.gate, place, letters, settings) if wanted else None for place, wanted in enumerate(asked)
        ]

    def _share(self, gate: Gate, place: int, letters: Mapping[str, Array], settings: Mapping[str, Any]) -> Array | None:
        rule = backward.contribution(gate, place)
        return None if rule is None else worked_out(rule, letters, settings)

    def _parts(self, node: Node, gradient: Array, asked: list[bool]) -> Iterable[Array | None]:
        """The parts of a gradient that the operands of concatenate and stack are."""
        from gradcli.formula import formula

        rule = formula(node.gate.pullback["..."])
        settings = settings_of(node)
        for place, wanted in enumerate(asked):
            yield worked_out(rule, {"dout": gradient}, {**settings, "place": place}) if wanted else None


def routed(ties: str, operands: list[Array], out: Array, dout: Array, receives: list[bool]) -> list[Array | None]:
    """backward.routed, entry by entry."""
    equal = [operand == out for operand in operands]
    count = sum(mask * 1.0 for mask in equal)
    share = dout / count if ties == "split" else dout
    if ties in ("first", "last"):
        equal = _alone(equal, ties)
    return [
        np.where(out == out, np.where(mask, share, 0.0), out) if asked else None
        for mask, asked in zip(equal, receives, strict=True)
    ]


def _alone(equal: list[Array], ties: str) -> list[Array]:
    """Of the operands that equal the output, the first or the last."""
    taken: Any = False
    found = []
    for mask in equal if ties == "first" else reversed(equal):
        found.append(mask & ~np.asarray(taken))
        taken = taken | mask
    return found if ties == "first" else found[::-1]
