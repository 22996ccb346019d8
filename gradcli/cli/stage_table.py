"""The result of `eval` as a terminal shows it: stages with value and gradient side by side, and sentences."""

from __future__ import annotations

from math import isfinite
from typing import Any

from gradcli.cli import console
from gradcli.cli.results import Result, asked
from gradcli.evaluate import Evaluation
from gradcli.graph import Node
from gradcli.printer import text_of
from gradcli.program import Program, base_of

MOST_SENTENCES = 12
MOST_ENTRIES = 8  # of an array that is shown whole
WIDEST_ARRAY = 20
LONGEST_TABLE = 60  # stages; rich takes seconds for thousands, and nobody reads them


def table(result: Result) -> list[console.Block]:
    """What a terminal shows: stages and inputs with value and gradient side by side, and what they mean."""
    program, evaluation, names = result.program, result.evaluation, result.names
    stages = [
        (names.of[line], _code(line, result), short(evaluation.value(line)), _gradient(line, evaluation))
        for line in _shown(program.lines)
    ]
    hidden = len(program.lines) - len(stages)
    if hidden > 0:
        stages.insert(LONGEST_TABLE // 2, ("...", f"{hidden} more stages (--json has them all)", "", ""))
    leaves = [
        (str(leaf.static), _shape(leaf, program), short(evaluation.value(leaf)), short(evaluation.gradient(leaf)))
        for leaf in _shown(program.inputs)
        if base_of(leaf) in result.inputs
    ]
    return [
        console.Block("stage", stages),
        console.Block("input", leaves),
        *(console.Block(sentence, []) for sentence in _sentences(result)),
    ]


def _code(line: Node, result: Result) -> str:
    """What a line computes, and its shape where that is no number."""
    code, shape = text_of(line, result.names.of.get), _shape(line, result.program)
    return f"{code}  {shape}" if shape else code


def _shape(node: Node, program: Program) -> str:
    shape = program.shapes.get(node, ())
    return f"# ({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" if shape else ""


def _gradient(line: Node, evaluation: Evaluation) -> str:
    """The gradient of a line; nothing where it leads to no input asked for, so that none was computed."""
    return short(evaluation.gradient(line)) if asked(line, evaluation) else ""


def _shown(nodes: list[Any]) -> list[Any]:
    if len(nodes) <= LONGEST_TABLE:
        return nodes
    return nodes[: LONGEST_TABLE // 2] + nodes[-LONGEST_TABLE // 2 :]


def short(number: Any) -> str:
    """A number as a person reads it: six digits; of a large array the first and the last entry."""
    if isinstance(number, list):
        whole = _listed(number) if _count(number) <= MOST_ENTRIES else ""
        return whole if whole and len(whole) <= WIDEST_ARRAY else _ends(number)
    return f"{number + 0.0:.6g}"  # without the sign of a zero


def _count(entries: Any) -> int:
    return sum(map(_count, entries)) if isinstance(entries, list) else 1


def _listed(entries: Any) -> str:
    return f"[{', '.join(map(_listed, entries))}]" if isinstance(entries, list) else f"{entries + 0.0:.3g}"


def _ends(entries: list[Any]) -> str:
    """The first and the last entry of an array between its brackets."""
    first: Any = entries
    last: Any = entries
    depth = 0
    while isinstance(first, list) and first:
        first, last, depth = first[0], last[-1], depth + 1
    if isinstance(first, list):
        return "[]"
    return f"{'[' * depth}{first + 0.0:.3g} ... {last + 0.0:.3g}{']' * depth}"


def _sentences(result: Result) -> list[str]:
    """What each gradient means: "raising x by h raises f by 2.06 h"."""
    if result.program.shapes:
        return []
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
