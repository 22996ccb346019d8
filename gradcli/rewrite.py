"""What a node becomes when it is made: spelled-out gates fuse, or defined gates are taken apart.

`fusing` and `elementary` are given to Graph; each returns a node that means the same, or None.
Nothing else is rewritten: values are those of the formula as written.
"""

from __future__ import annotations

from gradcli.formula import formula, substitute
from gradcli.gates import GATES, NUMBER, Gate, parameters
from gradcli.graph import Graph, Node

COMMUTES = ("add", "mul")


def fusing(graph: Graph, gate: Gate, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    """The gate that is spelled out here; or num * (1/den) for a quotient of a compound denominator."""
    if gate.name == "pow" and _value(operands[1]) == -1:
        gate, operands = GATES["div"], (graph.number("1", start, end), operands[0])
    elif gate.name != "div":
        return None
    for row in GATES.values():
        if row.fuses:
            found = _match_operands(graph, formula(row.means), gate, operands)
            if found is not None:
                return graph.apply(row, tuple(found[letter] for letter in parameters(row)), start, end)
    num, den = operands
    if num.constant or den.constant or not den.operands or den in graph.titles:
        return None
    inverse = graph.apply(GATES["div"], (graph.number("1", den.start, den.start), den), den.start, den.end)
    return graph.apply(GATES["mul"], (num, inverse), start, end)


def elementary(graph: Graph, gate: Gate, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    """A gate that others define, as those others; a quotient as num * (1/den)."""
    if gate.means:
        return substitute(graph, formula(gate.means), dict(zip(parameters(gate), operands, strict=True)), start, end)
    if gate.name == "div" and _value(operands[0]) is None and not operands[1].constant:
        num, den = operands
        inverse = graph.apply(gate, (graph.number("1", den.start, den.start), den), den.start, den.end)
        return graph.apply(GATES["mul"], (num, inverse), start, end)
    return None


def matches(graph: Graph, rule: Node, node: Node) -> bool:
    """Whether a node is an instance of a rule of the table."""
    return _match_operands(graph, rule, node.gate, node.operands) is not None


def _match_operands(graph: Graph, rule: Node, gate: Gate, operands: tuple[Node, ...]) -> dict[str, Node] | None:
    """What the rule's letters stand for, if the gate on its operands is an instance of the rule."""
    if rule.gate is not gate:
        return None
    orders = (operands, operands[::-1]) if gate.name in COMMUTES else (operands,)
    for order in orders:
        found: dict[str, Node] | None = {}
        for part, node in zip(rule.operands, order, strict=True):
            more = _match(graph, part, node)
            found = None if more is None or found is None else {**found, **more}
        if found is not None:
            return found
    return None


def _match(graph: Graph, rule: Node, node: Node) -> dict[str, Node] | None:
    if not rule.operands:
        if rule.gate is NUMBER:
            return {} if _value(node) == _value(rule) else None
        return {str(rule.static): node}
    if node in graph.titles:  # what the user named stays a stage of its own
        return None
    if rule.gate.name == "neg":
        positive = _negated(graph, node)
        return None if positive is None else _match(graph, rule.operands[0], positive)
    return _match_operands(graph, rule, node.gate, node.operands)


def _negated(graph: Graph, node: Node) -> Node | None:
    """-node, where that takes no gate more than node itself: u for -u, b - a for a - b."""
    outer: list[Node] = []
    while node.gate.name in ("mul", "div") and node not in graph.titles:
        outer.append(node)
        node = node.operands[0]
    if node in graph.titles or node.gate.name not in ("neg", "sub"):
        return None
    if node.gate.name == "neg":
        result = node.operands[0]
    else:
        result = graph.apply(node.gate, node.operands[::-1], node.start, node.end)
    for product in reversed(outer):
        result = graph.apply(product.gate, (result, product.operands[1]), product.start, product.end)
    return result


def _value(node: Node) -> float | None:
    """The number that a node is, sign included; None for anything else."""
    sign = 1.0
    while node.gate.name == "neg":
        node, sign = node.operands[0], -sign
    return sign * float(str(node.static)) if node.gate is NUMBER else None
