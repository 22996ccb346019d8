"""What each gate does to the gradient, in words and numbers.

`explained` gathers the facts, story.py tells them in sections, and printers.py writes these in each format.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from gradcli.calculate import gradients, varying
from gradcli.evaluate import Evaluation
from gradcli.explain.cost import cost
from gradcli.explain.lessons import lessons
from gradcli.explain.passes import Passes, size
from gradcli.explain.records import Explanation, Sensitivity
from gradcli.findings import findings
from gradcli.graph import Node
from gradcli.naming import names_of
from gradcli.program import base_of

MOST_STAGES = 40
MOST_INPUTS = 40
FORMATS = ("text", "markdown", "json")


def explained(
    evaluation: Evaluation, point: Mapping[str, Any], ties: str = "first", wrt: list[str] | None = None
) -> Explanation:
    """The facts about an evaluation; of a large program those of the stages that move the output most.

    point: the values of all variables; wrt: those whose gradient was asked for, all if None.
    """
    program = evaluation.program
    names = names_of(program)
    inputs = varying(program) if wrt is None else wrt
    asked_for = set(inputs)
    passes = Passes(evaluation, names, ties, inputs)
    asked = [line for line in program.lines if line is program.output or evaluation.gradients[line.index] is not None]
    told = _weightiest(program.lines, evaluation, MOST_STAGES, program.output)
    backward = [line for line in asked if line in told]
    leaves = _weightiest([leaf for leaf in program.inputs if base_of(leaf) in asked_for], evaluation, MOST_INPUTS)
    numbers = not program.shapes
    forks = [node for node in (*leaves, *reversed(told)) if len(passes.received.get(node, ())) > 1]
    return Explanation(
        program.text,
        program.graph.output,
        evaluation.value(program.output),
        gradients(evaluation, point, inputs),
        len(program.lines),
        len(program.lines) - len(told),
        [(name, point[name]) for name in program.variables],
        [passes.forward(line) for line in told],
        [passes.backward(line) for line in reversed(backward)],
        [passes.ledger(node) for node in forks],
        [_sensitivity(leaf, passes) for leaf in leaves] if numbers else [],
        cost(program, names, ties, inputs, MOST_STAGES) if numbers else None,
        [*findings(evaluation, ties, names), *(lessons(passes) if numbers else [])],
    )


def _weightiest(nodes: list[Node], evaluation: Evaluation, most: int, always: Node | None = None) -> list[Node]:
    """The nodes whose change in per cent moves the output most, in their order."""
    if len(nodes) <= most:
        return list(nodes)
    ranked = sorted(nodes, key=lambda node: (node is not always, -_weight(node, evaluation)))
    chosen = set(ranked[:most])
    return [node for node in nodes if node in chosen]


def _weight(node: Node, evaluation: Evaluation) -> float:
    """Value times gradient; what is not finite is worth telling."""
    gradient = evaluation.gradients[node.index]
    weight = size(evaluation.values[node.index]) * (0.0 if gradient is None else size(gradient))
    return abs(weight) if isfinite(weight) else float("inf")


def _sensitivity(leaf: Node, passes: Passes) -> Sensitivity:
    evaluation = passes.evaluation
    value, gradient = float(evaluation.values[leaf.index]), float(evaluation.gradient(leaf))
    output = float(evaluation.values[evaluation.program.output.index])
    relative = gradient * value / output if output and isfinite(output) else None
    elasticity = relative if relative is not None and isfinite(relative) and value else None
    return Sensitivity(passes.names.of[leaf], value, gradient, elasticity)
