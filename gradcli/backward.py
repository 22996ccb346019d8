"""The backward pass: which gradient flows where, and by which rule.

Lines are visited in reverse; each sends a flow to every operand that leads to an input asked
for. The only reader of the tie rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gradcli.formula import formula
from gradcli.gates import Gate, parameters, variadic
from gradcli.graph import Node
from gradcli.program import Program, base_of

TIES = {
    "first": "the first of the equal operands takes the whole gradient",
    "last": "the last of the equal operands takes the whole gradient",
    "split": "equal operands take equal shares",
    "both": "each equal operand takes the whole gradient",
}


class Flow(NamedTuple):
    """A gradient on its way from a line to an operand, through what is printed inside the line.

    steps: the nodes that it passes, the line first, and the place of the operand that it leaves each by;
    all partials on the way but one are 1 or -1.
    accumulates: whether the operand has received a gradient before.
    """

    line: Node
    operand: Node
    steps: tuple[tuple[Node, int], ...]
    accumulates: bool


def contribution(gate: Gate, place: int, guarded: bool = True) -> Node | None:
    """What the operand at `place` receives, as a formula of the gate's letters, `out` and `dout`; None if nothing.

    guarded: nan where the gate's value is nan, for gates whose rule would give a number there.
    """
    letter = parameters(gate)[place]
    whole = gate.pullback.get(letter, "")
    partial = gate.partials.get(letter, "0")
    if not whole and partial == "0":
        return None
    if not whole:
        whole = {"1": "dout", "-1": "-dout"}.get(partial, f"({partial}) * dout")
    return formula(f"where(out == out, {whole}, out)" if gate.closed and guarded else whole)


def routed(
    ties: str, operands: Sequence[float], out: float, dout: float, receives: Sequence[bool]
) -> list[float | None]:
    """What each operand of max or min receives: None if it is not asked for.

    One that is not chosen receives exactly 0, also where dout is inf.
    """
    equal = [place for place, operand in enumerate(operands) if operand == out]
    chosen = {"first": equal[:1], "last": equal[-1:]}.get(ties, equal)
    share = dout / len(equal) if ties == "split" and equal else dout
    rest = out if out != out else 0.0
    shares: list[float | None] = [rest if asked else None for asked in receives]
    for place in chosen:
        shares[place] = share if receives[place] else None
    return shares


def active(program: Program, wrt: Iterable[str] | None = None) -> bytearray:
    """For each node of the graph, 1 if an input asked for lies under it.

    wrt: names of variables; all if None.
    """
    if wrt is None:
        return bytearray([not node.constant for node in program.graph.nodes])
    chosen = set(wrt)
    marks = bytearray(len(program.graph.nodes))
    for node in program.inputs:
        marks[node.index] = base_of(node) in chosen
    for node in program.order:
        if any(marks[operand.index] for operand in node.operands):
            marks[node.index] = 1
    return marks


def passes(gate: Gate, place: int) -> bool:
    """Whether any gradient flows to the operand at `place`."""
    found = _PASSES.get((gate.name, place))
    if found is None:
        found = _PASSES[gate.name, place] = _passes(gate, place)
    return found


_PASSES: dict[tuple[str, int], bool] = {}  # by name: a row of the table takes long to hash


def _passes(gate: Gate, place: int) -> bool:
    if not gate.partials and variadic(gate):
        return True
    letter = parameters(gate)[place]
    return gate.partials.get(letter, "0") != "0" or letter in gate.pullback


def leading(program: Program, wrt: Iterable[str] | None = None) -> bytearray:
    """For each node of the graph, 1 if a gradient that arrives there flows on to an input asked for.

    wrt: names of variables; all if None.
    """
    chosen = None if wrt is None else set(wrt)
    marks = bytearray(len(program.graph.nodes))
    for node in program.inputs:
        marks[node.index] = chosen is None or base_of(node) in chosen
    for node in program.order:
        for place, operand in enumerate(node.operands):
            if marks[operand.index] and passes(node.gate, place):
                marks[node.index] = 1
                break
    return marks


def flows(program: Program, wrt: Iterable[str] | None = None) -> Iterator[Flow]:
    """All flows to what leads to an input asked for: lines in reverse, operands from left to right.

    This is the order in which gradients are accumulated, wherever they are computed.
    """
    leads = leading(program, wrt)
    received = bytearray(len(program.graph.nodes))
    received[program.output.index] = 1
    for line in reversed(program.lines):
        if received[line.index] and leads[line.index]:
            for operand, steps in _ways(program.inside, line, leads, ()):
                yield Flow(line, operand, steps, received[operand.index] == 1)
                received[operand.index] = 1


Steps = tuple[tuple[Node, int], ...]


def _ways(inside: bytearray, node: Node, leads: bytearray, before: Steps) -> list[tuple[Node, Steps]]:
    """The operands of a line and the steps to each; what is inside a line is as deep as the line is wide at most."""
    found = []
    for place, operand in enumerate(node.operands):
        if leads[operand.index] and passes(node.gate, place):
            steps = (*before, (node, place))
            if inside[operand.index]:
                found += _ways(inside, operand, leads, steps)
            else:
                found.append((operand, steps))
    return found
