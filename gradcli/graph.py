"""Interned expressions: equal subexpressions are one node, and equality is identity.

The parser goes in with `number`, `name`, `apply` and `assign`, operands first; out comes a list
of nodes that is already an order of evaluation. Walks over it are loops, never recursion: a
program may be a million gates deep.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import NamedTuple

from gradcli.errors import Span
from gradcli.gates import CONSTANT, GATES, INPUT, NUMBER, Gate

CONSTANTS = ("pi", "e")
NEW_AXIS, ALL_AXES = "np.newaxis", "..."  # leaves that only an index may have
Settings = tuple[tuple[str, object], ...]  # static parameters of a gate of arrays, by name


class Input(NamedTuple):
    """A variable, or one element of it: `w` is Input("w"), `w[0]` is Input("w", (0,))."""

    base: str
    places: tuple[int, ...] = ()

    def __str__(self) -> str:
        return f"{self.base}[{', '.join(map(str, self.places))}]" if self.places else self.base


NAMELESS = Input("")


class Node:
    """A gate applied to operands, or a leaf. Made by Graph only; compared by identity.

    gate: its row of the table (NUMBER, CONSTANT, INPUT for leaves).
    operands: nodes that come before it in the graph.
    static: what a leaf is (the digits, the constant's name, the Input); None for gates, but for those of
    arrays their static parameters.
    start, end: the place of its first occurrence in the text, half-open.
    index: its position in the graph.
    constant: whether no input lies under it.
    """

    __slots__ = ("constant", "end", "gate", "index", "operands", "start", "static")

    gate: Gate
    operands: tuple[Node, ...]
    static: str | Input | Settings | None
    start: int
    end: int
    index: int
    constant: bool

    @property
    def span(self) -> Span:
        """The place of its first occurrence in the text."""
        return Span(self.start, self.end)


Rewrite = Callable[["Graph", tuple[Node, ...], int, int], Node | None]


class Graph:
    """The expressions and statements of one program.

    rewrites: by name of a gate, what may give another node that means the same before a new one is made.
    statements: the user's names and their nodes, in order; `output` is the last one's name.
    titles: the same, by node: what the user called a node.
    inputs: the input leaves, in order of first appearance; leaves: what stands for a spelling (`x`, `1e3`, `pi`).
    elements: the input leaves that are an element of a variable.
    arrays: whether a gate occurs that works on arrays.
    """

    def __init__(self, rewrites: Mapping[str, Rewrite] | None = None) -> None:
        self.nodes: list[Node] = []
        self.statements: dict[str, Node] = {}
        self.titles: dict[Node, str] = {}
        self.output = ""
        self.inputs: list[Node] = []
        self.arrays = False
        self._rewrites = rewrites or {}
        self.leaves: dict[str, Node] = {}
        self.elements: dict[Input, Node] = {}
        self._applied: defaultdict[str, dict[tuple[Node, ...], Node]] = defaultdict(dict)

    def number(self, text: str, start: int = 0, end: int = 0) -> Node:
        """A number, kept as written (`1e3`, `0.10`)."""
        return self.leaves.get(text) or self._kept(NUMBER, text, text, start, end)

    def name(self, name: str, start: int = 0, end: int = 0) -> Node:
        """What a name stands for here: a statement's node, a constant, or an input."""
        node = self.statements.get(name) or self.leaves.get(name)
        if node is None:
            if name in CONSTANTS:
                return self.constant(name, start, end)
            node = self.leaves[name] = self._new(INPUT, (), Input(name), start, end)
        return node

    def constant(self, name: str, start: int = 0, end: int = 0) -> Node:
        """pi or e, kept by name."""
        return self.leaves.get(name) or self._kept(CONSTANT, name, name, start, end)

    def element(self, base: str, index: tuple[int, ...], start: int = 0, end: int = 0) -> Node:
        """One element of an input, as `w[0]`."""
        key = Input(base, index)
        node = self.elements.get(key)
        if node is None:
            node = self.elements[key] = self._new(INPUT, (), key, start, end)
        return node

    def placeholder(self) -> Node:
        """A leaf that no text can name, different from every other."""
        return self._new(INPUT, (), NAMELESS, 0, 0)

    def apply(self, gate: Gate, operands: tuple[Node, ...], start: int = 0, end: int = 0) -> Node:
        """The gate on its operands: an equal node that is there already, what it is rewritten to, or a new one."""
        name = gate.name
        applied = self._applied[name]  # by gate, so that a node's own operands are the key
        node = applied.get(operands)
        if node is None:
            if name in self._rewrites:
                node = self._rewrites[name](self, operands, start, end)
            if node is None:
                node = self._new(gate, operands, None, start, end)
            applied[operands] = node
        return node

    def alone(self, gate: Gate, operands: tuple[Node, ...]) -> Node:
        """A node of its own, also where an equal one is there: for expressions that no text is parsed into."""
        return self._new(gate, operands, None, 0, 0)

    def array(
        self, gate: Gate, operands: tuple[Node, ...], settings: Settings = (), start: int = 0, end: int = 0
    ) -> Node:
        """The gate of arrays on its operands and static parameters: an equal node that is there, or a new one."""
        applied = self._applied[f"{gate.name} {settings}"]  # as text 1 and True differ, 0.0 and -0.0 too
        node = applied.get(operands)
        if node is None:
            node = applied[operands] = self._new(gate, operands, settings, start, end)
            self.arrays = True
        return node

    def assign(self, name: str, node: Node, start: int = 0, end: int = 0) -> Node:
        """Give a node the user's name; a second name for a node, or one for a leaf, is a gate of its own."""
        if node in self.titles or not node.operands:
            node = self.copy(node, start, end)
        self.statements[name] = node
        self.titles[node] = name
        self.output = name
        return node

    def copy(self, node: Node, start: int = 0, end: int = 0) -> Node:
        """A gate that does nothing, for a second name."""
        return self._new(GATES["copy"], (node,), None, start, end)

    def turn(self, leaf: Node) -> None:
        """An input that was met last becomes the sign of a new axis: what is a name elsewhere is none in an index."""
        self.inputs.remove(leaf)
        del self.leaves[str(leaf.static)]
        leaf.gate, leaf.static, leaf.constant = CONSTANT, NEW_AXIS, True

    def _kept(self, gate: Gate, spelling: str, static: str | Input, start: int, end: int) -> Node:
        node = self.leaves[spelling] = self._new(gate, (), static, start, end)
        return node

    def _new(
        self, gate: Gate, operands: tuple[Node, ...], static: str | Input | Settings | None, start: int, end: int
    ) -> Node:
        nodes = self.nodes
        node = Node()
        node.gate = gate
        node.operands = operands
        node.static = static
        node.start = start
        node.end = end
        node.index = len(nodes)
        node.constant = True
        if gate is INPUT:
            node.constant = False
            self.inputs.append(node)
        for operand in operands:
            if not operand.constant:
                node.constant = False
                break
        nodes.append(node)
        return node
