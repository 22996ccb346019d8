"""The note's experiment: move inputs a little, and hold what the gradient predicts against what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from sys import float_info
from typing import Any

from gradcli.errors import PointMistake, did_you_mean, listed
from gradcli.evaluate import Evaluation, evaluate
from gradcli.explain.records import Step
from gradcli.graph import Input, Node
from gradcli.naming import own_gradients
from gradcli.program import Program


def stepped(evaluation: Evaluation, moves: Mapping[str, Any]) -> Step:
    """The output before and after the inputs are moved. moves: by variable, a number or a list of its shape.

    Raises PointMistake.
    """
    program = evaluation.program
    unknown = [name for name in moves if name not in program.variables]
    if unknown or not moves:
        hint = did_you_mean(unknown[0], program.variables) if unknown else "write --step x=0.01"
        hint = hint or (f"its inputs are {listed(program.variables)}" if program.variables else "it has none")
        raise PointMistake(f"--step: the program has no input {listed(unknown) or 'without a name'}", hint=hint)
    by = {leaf: _move(leaf, moves, getattr(evaluation.values[leaf.index], "shape", ())) for leaf in program.inputs}
    slopes = {leaf: evaluation.gradients[leaf.index] for leaf in program.inputs}
    predicted = sum(_total(slope * by[leaf]) for leaf, slope in slopes.items() if slope is not None)
    place, name = program.output.index, program.graph.output
    upstream = evaluation.gradients[place]
    found = [evaluation.values[place], *(_moved(evaluation, by, part).values[place] for part in (1.0, 0.5))]
    before, after, halfway = (_total(upstream * value) for value in found)
    shown = f"sum({own_gradients(program)[name]} * {name})" if getattr(upstream, "ndim", 0) else name
    return Step(shown, dict(moves), predicted, before, after, halfway, _rounding(evaluation))


def _rounding(evaluation: Evaluation) -> float:
    """How far rounding may move the output: half an ulp of each stage, sent forward by its gradient, times four."""
    program, values, gradients = evaluation.program, evaluation.values, evaluation.gradients
    numbers = not program.shapes
    found = 0.0
    for line in program.lines:
        if gradients[line.index] is not None:
            inner = [node for node in _inside(program, line) if numbers] or [line]
            found += sum(_total(abs(values[node.index] * gradients[line.index])) for node in inner)
    return 2 * float_info.epsilon * found


def _inside(program: Program, line: Node) -> Iterator[Node]:
    """A line and what is computed inside it."""
    waiting = [line]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(each for each in node.operands if each.operands and program.inside[each.index])


def _moved(evaluation: Evaluation, by: Mapping[Node, Any], part: float) -> Evaluation:
    """The program where a part of the step has been made."""
    point = {leaf: evaluation.values[leaf.index] + part * step for leaf, step in by.items()}
    if not evaluation.program.shapes:
        return evaluate(evaluation.program, point)
    from gradcli.array_evaluate import evaluate_arrays

    return evaluate_arrays(evaluation.program, point)


def _move(leaf: Node, moves: Mapping[str, Any], shape: tuple[int, ...]) -> Any:
    """By how much an input leaf of this shape is moved: a number moves every entry of a list."""
    assert isinstance(leaf.static, Input)
    move = moves.get(leaf.static.base, 0.0)
    if isinstance(move, list):
        for place in leaf.static.places:
            move = move[place] if isinstance(move, list) and place < len(move) else None
    if isinstance(move, float):
        return move
    import numpy as np

    if move is None or np.shape(move) != shape:
        raise PointMistake(
            f"--step: the list for '{leaf.static.base}' has another shape than its value",
            leaf.span,
            "a number moves all entries alike",
        )
    return np.asarray(move)


def _total(value: Any) -> float:
    return float(value.sum()) if hasattr(value, "sum") else float(value)
