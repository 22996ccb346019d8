"""A graph under construction in which every node has a shape, and whole numbers are known by value.

Written gates go in as rows of the table that are chosen already.
"""

from __future__ import annotations

from collections.abc import Callable

from gradcli.array_gates import ARRAY_GATES
from gradcli.dimensions import Shape, broadcast
from gradcli.gates import NUMBER, Gate
from gradcli.graph import Graph, Node
from gradcli.shape_rules import SHAPE_OF
from gradcli.sizes import Dim, minus, plus, quotient, times

COUNTS: dict[str, Callable[[list[Dim]], Dim | None]] = {
    "add": lambda sizes: plus(*sizes),
    "sub": lambda sizes: minus(*sizes),
    "mul": lambda sizes: times(*sizes),
    "neg": lambda sizes: times(-1, *sizes),
    "div": lambda sizes: quotient(*sizes) if sizes[1] != 0 else None,
}


class Shaping:
    """The graph so far.

    shapes: of each node. numbers: the nodes that are whole numbers by the shapes alone, such as X.shape[0] - 1.
    """

    def __init__(self) -> None:
        self.graph = Graph()
        self.shapes: dict[Node, Shape] = {}
        self.numbers: dict[Node, Dim] = {}

    def leaf(self, node: Node) -> Node:
        """A number or constant."""
        make = self.graph.number if node.gate is NUMBER else self.graph.constant
        return self._known(make(str(node.static), node.start, node.end))

    def number(self, digits: str, node: Node) -> Node:
        """A number that stands at the place of a node."""
        return self._known(self.graph.number(digits, node.start, node.end))

    def _known(self, new: Node) -> Node:
        self.shapes[new] = ()
        if str(new.static).isdigit():
            self.numbers[new] = int(str(new.static))
        return new

    def made(self, name: str, operands: tuple[Node, ...], node: Node, **settings: object) -> Node:
        """A row of the table of arrays on its operands. node: what it is written as. Raises Misfit."""
        shape = SHAPE_OF[name]([self.shapes[operand] for operand in operands], settings)
        new = self.graph.array(ARRAY_GATES[name], operands, tuple(settings.items()), node.start, node.end)
        self.shapes[new] = shape
        return new

    def elementwise(self, gate: Gate, operands: tuple[Node, ...], node: Node) -> Node:
        """A gate that works entry by entry; of whole numbers that are known, the result is: N - 1, 2*H, D/2."""
        shape = broadcast([self.shapes[operand] for operand in operands])
        new = self.graph.apply(gate, operands, node.start, node.end)
        self.shapes[new] = shape
        known = [self.numbers[operand] for operand in operands if operand in self.numbers]
        count = COUNTS[gate.name](known) if gate.name in COUNTS and len(known) == len(operands) else None
        if count is not None:
            self.numbers[new] = count
        return new
