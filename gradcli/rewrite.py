"""What a node becomes when it is made: spelled-out gates fuse, or defined gates are taken apart.

`fusing` and `elementary` are what Graph is given: by name of a gate, a rewrite that returns a node
which means the same, or None.
Nothing else is rewritten: values are those of the formula as written.
"""

from __future__ import annotations

from gradcli.formula import formula, substitute
from gradcli.gates import GATES, NUMBER, Gate, parameters
from gradcli.graph import Graph, Node, Rewrite

COMMUTES = ("add", "mul")


def fusing() -> dict[str, Rewrite]:
    """Spelled-out gates become gates; a quotient of a compound denominator becomes num * (1/den)."""
    return {"div": _fused_quotient, "pow": _fused_power}


def elementary() -> dict[str, Rewrite]:
    """Gates that others define become those others; any quotient becomes num * (1/den)."""
    return {gate.name: _taken_apart(gate) for gate in GATES.values() if gate.means} | {"div": _inverted}


def _fused_quotient(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    num, den = operands
    if num.constant:
        return _spelled_out(graph, operands, start, end)
    if den.constant or not _original(den).operands:
        return None
    return _product_with_inverse(graph, num, den, start, end)


def _original(node: Node) -> Node:
    """The node that a name of the user's is a copy of, or the node itself."""
    while node.gate.name == "copy":
        node = node.operands[0]
    return node


def _fused_power(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    if operands[1].constant and _value(operands[1]) == -1:
        return _spelled_out(graph, (graph.number("1", start, end), operands[0]), start, end)
    return None


def _spelled_out(graph: Graph, quotient: tuple[Node, ...], start: int, end: int) -> Node | None:
    """The gate whose definition is this quotient, if there is one."""
    for row in GATES.values():
        if row.fuses:
            found = _match_operands(graph, formula(row.means), GATES["div"], quotient)
            if found is not None:
                return graph.apply(row, tuple(found[letter] for letter in parameters(row)), start, end)
    return None


def _inverted(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node | None:
    num, den = operands
    if num.constant or den.constant:
        return None
    return _product_with_inverse(graph, num, den, start, end)


def _product_with_inverse(graph: Graph, num: Node, den: Node, start: int, end: int) -> Node:
    one = graph.number("1", den.start, den.start)
    inverse = graph.apply(GATES["div"], (one, den), den.start, den.end)
    return graph.apply(GATES["mul"], (num, inverse), start, end)


def _taken_apart(gate: Gate) -> Rewrite:
    def rewrite(graph: Graph, operands: tuple[Node, ...], start: int, end: int) -> Node:
        letters = dict(zip(parameters(gate), operands, strict=True))
        return substitute(graph, formula(gate.means), letters, start, end)

    return rewrite


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
