"""Gates of numbers written into a graph, for the entries of gates of arrays."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from gradcli.gates import GATES
from gradcli.graph import Graph, Node


class TooLarge(Exception):
    """More gates than were allowed."""


class Writer:
    """The graph of numbers so far."""

    def __init__(self) -> None:
        self.graph = Graph()

    def make(self, name: str, *operands: Node) -> Node:
        """A gate of numbers, new also where an equal one is there: each stage's gradient is its own."""
        return self.graph.alone(GATES[name], operands)

    def number(self, value: float) -> Node:
        """A number."""
        return self.graph.number(repr(value) if value != int(value) else str(int(value)))

    def sum(self, terms: Iterable[Node]) -> Node:
        """a + b + c; 0 for none."""
        return self._folded("add", terms, 0)

    def product(self, factors: Iterable[Node]) -> Node:
        """a * b * c; 1 for none."""
        return self._folded("mul", factors, 1)

    def _folded(self, name: str, parts: Iterable[Node], empty: int) -> Node:
        every = list(parts)
        return reduce(lambda a, b: self.make(name, a, b), every) if every else self.number(empty)
