"""The result of `eval` as a terminal shows it: stages with value and gradient side by side, and sentences."""

from __future__ import annotations

from math import isfinite
from typing import Any

from gradcli.cli import console
from gradcli.cli.results import Result, asked
from gradcli.evaluate import Evaluation
from gradcli.graph import Node
from gradcli.printer import text_of
from gradcli.program import base_of

MOST_SENTENCES = 12
LONGEST_TABLE = 60  # stages; rich takes seconds for thousands, and nobody reads them


def table(result: Result) -> list[console.Block]:
    """What a terminal shows: stages and inputs with value and gradient side by side, and what they mean."""
    program, evaluation, names = result.program, result.evaluation, result.names
    stages = [
        (names.of[line], text_of(line, names.of.get), short(evaluation.value(line)), _gradient(line, evaluation))
        for line in _shown(program.lines)
    ]
    hidden = len(program.lines) - len(stages)
    if hidden > 0:
        stages.insert(LONGEST_TABLE // 2, ("...", f"{hidden} more stages (--json has them all)", "", ""))
    leaves = [
        (str(leaf.static), "", short(evaluation.values[leaf.index]), short(evaluation.gradient(leaf)))
        for leaf in _shown(program.inputs)
        if base_of(leaf) in result.inputs
    ]
    return [
        console.Block("stage", stages),
        console.Block("input", leaves),
        *(console.Block(sentence, []) for sentence in _sentences(result)),
    ]


def _gradient(line: Node, evaluation: Evaluation) -> str:
    """The gradient of a line; nothing where it leads to no input asked for, so that none was computed."""
    return short(evaluation.gradient(line)) if asked(line, evaluation) else ""


def _shown(nodes: list[Any]) -> list[Any]:
    if len(nodes) <= LONGEST_TABLE:
        return nodes
    return nodes[: LONGEST_TABLE // 2] + nodes[-LONGEST_TABLE // 2 :]


def short(number: float) -> str:
    """A number as a person reads it: six digits."""
    return f"{number + 0.0:.6g}"  # without the sign of a zero


def _sentences(result: Result) -> list[str]:
    """What each gradient means: "raising x by h raises f by 2.06 h"."""
    sentences = []
    for leaf in result.program.inputs[:MOST_SENTENCES]:
        gradient = result.evaluation.gradient(leaf)
        if base_of(leaf) not in result.inputs:
            continue
        if not isfinite(gradient):
            sentences.append(f"no small step in {leaf.static} has a finite effect on {result.output} here")
        elif gradient == 0:
            sentences.append(f"raising {leaf.static} by a small h leaves {result.output} as it is")
        else:
            verb = "raises" if gradient > 0 else "lowers"
            sentences.append(f"raising {leaf.static} by h {verb} {result.output} by {abs(gradient):.3g} h")
    more = len(result.program.inputs) - MOST_SENTENCES
    return [*sentences, f"and {more} more inputs"] if more > 0 else sentences
