"""What is worth a warning that teaches: saturation, dead gates, scale at a product, cancellation, long paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite, log10
from typing import NamedTuple

from gradcli.evaluate import Evaluation
from gradcli.explain.figures import shown
from gradcli.explain.passes import Passes
from gradcli.findings import Finding
from gradcli.graph import Node
from gradcli.printer import text_of

MOST = 5  # lessons of a kind
SATURATED = {"sigmoid": 0.25, "tanh": 1.0}  # the largest slope of gates that squash
LITTLE = 0.01  # of the largest slope, below which a gate is saturated
SCALE = 100.0  # how many times larger one factor of a product is
LOST = 1e-3  # what is left of the operands of a sum, below which digits are lost
LONGEST = 60  # characters of code
FAR = 1e4  # how much a gradient grows or shrinks along a path


def lessons(passes: Passes) -> list[Finding]:
    """All lessons about an evaluation of numbers, at most MOST of a kind."""
    evaluation = passes.evaluation
    found: list[Finding] = []
    for kind in (_saturated, _dead, _scaled, _cancelled, _annulled, _paths):
        told = list(kind(passes, evaluation))
        found += told[:MOST]
        if len(told) > MOST:
            last = told[MOST - 1]
            found.append(last._replace(message=f"and {len(told) - MOST} more stages like {last.stage}"))
    return found


def _value(evaluation: Evaluation, node: Node) -> float:
    return float(evaluation.values[node.index])


def _saturated(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    for line in passes.flows:
        most = SATURATED.get(line.gate.name)
        if most is None:
            continue
        (_, slope, _) = passes.flows[line][0]
        if abs(slope) < LITTLE * most:
            operand = passes.names.of.get(line.operands[0], "its input")
            told = (
                f"{_named(passes, line)} = {shown(_value(evaluation, line))} is saturated: its slope is {shown(slope)}"
            )
            yield _lesson(
                "saturated", passes, line, f"{told}, so that almost nothing of the gradient reaches {operand}"
            )


def _dead(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    for line in passes.flows:
        if line.gate.name == "relu" and _value(evaluation, line) == 0:
            value = shown(_value(evaluation, line.operands[0]))
            operand = passes.names.of.get(line.operands[0], "its input")
            told = f"{_named(passes, line)} is dead: {operand} = {value} is not positive"
            yield _lesson("dead", passes, line, f"{told}, so that no gradient passes and nothing learns through it")


def _scaled(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    for line in passes.flows:
        if line.gate.name != "mul" or any(operand not in passes.names.of for operand in line.operands):
            continue
        if len([flow for flow, _, share in passes.flows[line] if share and isfinite(share)]) < 2:
            continue  # where nothing arrives, or one factor asks for nothing, there is nothing to compare
        large, small = sorted(line.operands, key=lambda operand: abs(_value(evaluation, operand)), reverse=True)
        much, little = abs(_value(evaluation, large)), abs(_value(evaluation, small))
        if (
            not (little and isfinite(much) and isfinite(little))
            or much < SCALE * little
            or small.constant
            or large.constant
        ):
            continue
        one, other = passes.names.of[large], passes.names.of[small]
        told = (
            f"in {_named(passes, line)} the small {other} receives the large gradient, {shown(much / little)} times "
            f"that of {one}: inputs times 1000 mean weight gradients times 1000, and a learning rate that fits one "
            "scale does not fit the other"
        )
        yield _lesson("scale", passes, line, told)


def _cancelled(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    for line in passes.program.order:
        if line.gate.name not in ("add", "sub") or line.constant:
            continue
        largest = max(abs(_value(evaluation, operand)) for operand in line.operands)
        rest = abs(_value(evaluation, line))
        if not isfinite(largest) or not 0 < rest < LOST * largest:
            continue  # what is exactly 0 is mostly meant to be
        lost = f"{min(16, int(log10(largest) - log10(rest)))} of some 16 digits are lost"
        told = f"{_named(passes, line)} subtracts what is nearly equal: {lost}, and what was rounded before shows"
        yield _lesson("cancellation", passes, line, told)


def _annulled(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    """Contributions to one gradient that cancel each other."""
    for node, received in passes.received.items():
        largest = max(abs(share) for _, share in received)
        gradient = abs(evaluation.gradient(node))
        if len(received) > 1 and isfinite(largest) and gradient < LOST * largest:
            name = passes.names.gradient_of(node)
            told = f"the contributions to {name} are as large as {shown(largest)} and cancel to {shown(gradient)}"
            yield _lesson("cancellation", passes, node, told)


class Path(NamedTuple):
    """The way of the gradient from the output to a node, against the flow always along what brings most.

    line: the next stage on it; factor: by how much the gradient changes on all of it; least and most: the slopes that
    shrink it and grow it most, each with its stage.
    """

    line: Node
    factor: float
    stages: int
    least: tuple[float, Node]
    most: tuple[float, Node]


def _best_paths(passes: Passes) -> dict[Node, Path]:
    """By node that receives a gradient; one walk, however long the paths are."""
    found: dict[Node, Path] = {}
    for node in (*reversed(passes.program.lines), *passes.program.inputs):
        if node not in passes.received:
            continue
        line, _ = max(passes.received[node], key=lambda each: abs(each[1]))
        slope = abs(sum(slope for flow, slope, _ in passes.flows[line] if flow.operand is node))
        here = (slope, line)
        rest = found.get(line)
        if rest is None:
            found[node] = Path(line, slope, 1, here, here)
        else:
            least, most = (here if slope < rest.least[0] else rest.least), (here if slope > rest.most[0] else rest.most)
            found[node] = Path(line, slope * rest.factor, rest.stages + 1, least, most)
    return found


def _paths(passes: Passes, evaluation: Evaluation) -> Iterator[Finding]:
    """The path that brings each input most, where its factor is very small or very large; each stage is blamed once."""
    best = _best_paths(passes)
    found = [(leaf, best[leaf]) for leaf in passes.program.inputs if leaf in best]
    blamed: set[Node] = set()
    for leaf, path in sorted(found, key=lambda each: -abs(log10(each[1].factor or 1))):
        factor = path.factor
        if path.stages < 2 or not factor or not isfinite(factor) or 1 / FAR < factor < FAR:
            continue
        slope, worst = path.most if factor > 1 else path.least
        if worst in blamed:
            continue
        blamed.add(worst)
        kind, changes = ("vanishing", f"shrinks to {shown(factor)} of itself")
        if factor > 1:
            kind, changes = ("exploding", f"grows {shown(factor)} times")
        way = _way(passes, leaf, best)
        told = f"the gradient {changes} on its way {way}, most at {passes.names.of[worst]} (times {shown(slope)})"
        yield _lesson(kind, passes, leaf, told)


def _way(passes: Passes, leaf: Node, best: Mapping[Node, Path]) -> str:
    """`x ← wx ← ... ← f`."""
    steps = [leaf]
    while steps[-1] in best:
        steps.append(best[steps[-1]].line)
    ways = [passes.names.of[line] for line in steps]
    return " ← ".join(ways if len(ways) <= 7 else [*ways[:4], "...", *ways[-2:]])


def _named(passes: Passes, node: Node) -> str:
    """`name = code`, or the one of the two that there is and that is short."""
    name, text = passes.names.of.get(node, ""), text_of(node, passes.names.of.get)
    if len(text) > LONGEST:
        return name or f"{text[:LONGEST]}..."
    return f"{name} = {text}" if name else text


def _lesson(kind: str, passes: Passes, node: Node, message: str) -> Finding:
    return Finding(kind, passes.names.of.get(node, ""), message, node.span)
