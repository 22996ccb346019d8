"""The backward pass: which gradient flows where, and by which rule.

Lines are visited in reverse; each sends a flow to every operand that leads to an input asked
for. The only reader of the tie rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gradcli.formula import formula
from gradcli.gates import Gate, parameters
from gradcli.graph import Node
from gradcli.program import Program, base_of

TIES = {
    "first": "the first of the equal operands takes the whole gradient",
    "last": "the last of the equal operands takes the whole gradient",
    "split": "equal operands take equal shares",
    "both": "each equal operand takes the whole gradient",
}


def contribution(gate: Gate, place: int) -> Node | None:
    """What the operand at `place` receives, as a formula of the gate's letters, `out` and `dout`; None if nothing."""
    letter = parameters(gate)[place]
    whole = gate.pullback.get(letter, "")
    partial = gate.partials.get(letter, "0")
    if not whole and partial == "0":
        return None
    if not whole:
        whole = {"1": "dout", "-1": "-dout"}.get(partial, f"({partial}) * dout")
    return formula(f"where(out == out, {whole}, out)" if gate.closed else whole)


def routed(ties: str, operands: Sequence[float], out: float, dout: float) -> list[float]:
    """What each operand of max or min receives; one that is not chosen exactly 0, also where dout is inf."""
    if out != out:
        return [out] * len(operands)
    equal = [place for place, operand in enumerate(operands) if operand == out]
    chosen = {"first": equal[:1], "last": equal[-1:]}.get(ties, equal)
    share = dout / len(equal) if ties == "split" else dout
    shares = [0.0] * len(operands)
    for place in chosen:
        shares[place] = share
    return shares


def active(program: Program, wrt: Iterable[str] | None = None) -> bytearray:
    """For each node of the graph, 1 if an input asked for lies under it.

    wrt: names of variables; all if None.
    """
    chosen = None if wrt is None else set(wrt)
    marks = bytearray(len(program.graph.nodes))
    for node in program.inputs:
        if chosen is None or base_of(node) in chosen:
            marks[node.index] = 1
    for node in program.order:
        for operand in node.operands:
            if marks[operand.index]:
                marks[node.index] = 1
                break
    return marks
