"""A program that has been staged: which nodes have a line of their own, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from gradcli.graph import Graph, Input, Node

SUMS = ("add", "sub")  # gates whose lines take others in, but for constants


class Program(NamedTuple):
    """The cut of a graph into lines.

    text: the source that spans point into.
    graph: its expressions.
    order: the nodes that have operands and are needed, in order of evaluation.
    lines: those among them that have a line of their own, in the same order.
    inside: for each node of the graph, 1 if it is printed inside the line that uses it.
    output: the last statement's node.
    shapes: of a program over arrays, the shape of every node that is needed; empty where all are numbers.
    """

    text: str
    graph: Graph
    order: list[Node]
    lines: list[Node]
    inside: bytearray
    output: Node
    shapes: Mapping[Node, tuple[int | str, ...]] = {}

    @property
    def inputs(self) -> list[Node]:
        """The input leaves, in order of first appearance."""
        return self.graph.inputs

    @property
    def variables(self) -> list[str]:
        """The names that a point binds, in order of first appearance."""
        return list(dict.fromkeys(base_of(node) for node in self.inputs))


def base_of(node: Node) -> str:
    """The variable that an input leaf is or belongs to: "w" for w[0]."""
    assert isinstance(node.static, Input)
    return node.static.base


def operands_of(program: Program, line: Node) -> Iterator[Node]:
    """What a line is printed from, left to right: inputs, constants and other lines."""
    waiting = list(reversed(line.operands))
    while waiting:
        node = waiting.pop()
        if program.inside[node.index] and not node.constant:
            waiting.extend(reversed(node.operands))
        else:
            yield node


def used_by_output(program: Program) -> bytearray:
    """For each node of the graph, 1 if the output depends on it."""
    used = bytearray(len(program.graph.nodes))
    used[program.output.index] = 1
    for node in reversed(program.graph.nodes):
        if used[node.index]:
            for operand in node.operands:
                used[operand.index] = 1
    return used
