"""Formulas of the table as expressions, and expressions put in place of their letters.

Formulas are short, so that recursion over them is safe; what is put in is not walked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gradcli.gates import GATES
from gradcli.graph import Graph, Input, Node
from gradcli.parser import parse


@cache
def formula(text: str) -> Node:
    """A rule of the table as written: "b * a" gives the node, letters being inputs."""
    graph = parse(text, Graph(), rule=True)
    node = graph.statements[graph.output]
    return node.operands[0] if node.gate is GATES["copy"] else node


def substitute(graph: Graph, rule: Node, operands: Mapping[str, Node], start: int = 0, end: int = 0) -> Node:
    """The rule's expression in `graph`, with `operands` in place of its letters."""
    if isinstance(rule.static, Input):
        return operands[rule.static.base]
    if isinstance(rule.static, str):
        if rule.gate.name == "number":
            return graph.number(rule.static, start, end)
        return graph.constant(rule.static, start, end)
    inner = tuple(substitute(graph, operand, operands, start, end) for operand in rule.operands)
    return graph.apply(rule.gate, inner, start, end)
