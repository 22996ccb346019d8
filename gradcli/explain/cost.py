"""Operations of the two passes, and the forward values that the backward pass reuses."""

from __future__ import annotations

from gradcli.backward import flows
from gradcli.explain.records import Cost, Reused
from gradcli.gates import variadic
from gradcli.graph import Input, Node
from gradcli.local import Formulas
from gradcli.naming import Names
from gradcli.program import Program, used_by_output

MOST_WORKED_OUT = 60  # values whose own cost is worked out; each takes a walk over the program


def cost(program: Program, names: Names, ties: str, wrt: list[str] | None, most: int) -> Cost:
    """Operations of elementary gates, as generated code has them. most: reused values that are listed."""
    formulas = Formulas(program, ties, guarded=False, textbook=True)  # those that are told
    readers: dict[Node, dict[Node, None]] = {}
    backward = 0
    for flow in flows(program, wrt):
        if variadic(flow.line.gate) and len(flow.line.operands) > 2:
            backward += 2 + flow.accumulates  # a comparison and a choice
            read = [flow.line, flow.operand]
        else:
            upstream = formulas.one if flow.line is program.output else formulas.leaf()
            rule, letters = formulas.received(flow, upstream)
            backward += operations(rule) + flow.accumulates
            read = [letters[place] for place in _letters(rule) if letters[place] is not upstream]
        for node in read:
            if node.operands:
                readers.setdefault(node, {})[flow.line] = None
    used = used_by_output(program)
    forward = sum(_weight(node) for node in program.order if used[node.index])
    kept = [line for line in program.lines if line in readers]
    reused = [
        Reused(names.of[line], [names.of[reader] for reader in readers[line]], _again(program, [line]))
        for line in kept[: min(most, MOST_WORKED_OUT)]
    ]
    return Cost(forward, backward, reused, _again(program, kept))


def _weight(node: Node) -> int:
    return 0 if node.gate.name == "copy" else max(1, len(node.operands) - 1 if variadic(node.gate) else 1)


def operations(rule: Node) -> int:
    """Gates in a formula of the table, as often as they are written; a constant such as -1 takes none."""
    return 0 if rule.constant else bool(rule.operands) + sum(map(operations, rule.operands))


def _letters(rule: Node) -> set[int]:
    """The letters that a formula reads, by number."""
    own = {int(rule.static.base)} if isinstance(rule.static, Input) else set()
    return own.union(*map(_letters, rule.operands))


def _again(program: Program, wanted: list[Node]) -> int:
    """Operations that compute some lines from the inputs."""
    marks = bytearray(len(program.graph.nodes))
    for line in wanted:
        marks[line.index] = 1
    found = 0
    for node in reversed(program.graph.nodes):
        if marks[node.index] and node.operands:
            found += _weight(node)
            for operand in node.operands:
                marks[operand.index] = 1
    return found
