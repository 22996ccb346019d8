"""Indices of arrays, once their parts are read: entries, slices, new axes and what picks rows.

Loaded only where a text has arrays.
"""

from __future__ import annotations

from gradcli.array_calls import whole_number
from gradcli.array_gates import Hole, Slice
from gradcli.errors import Span, SyntaxMistake
from gradcli.graph import ALL_AXES, NEW_AXIS, Graph, Input, Node

NOTHING = Node()  # where a slice has no bound
NOTHING.static = None
NONE = Input("None")


def check_axes(graph: Graph) -> None:
    """Refuse np.newaxis and ... where they are no entries of an index. Raises SyntaxMistake."""
    leaves = [graph.leaves[sign] for sign in (NEW_AXIS, ALL_AXES) if sign in graph.leaves]
    for node in graph.nodes:
        for leaf in leaves:
            if leaf in node.operands:
                raise SyntaxMistake(
                    f"'{leaf.static}' stands only in an index", node.span, "as in X[:, None], X[..., 0]"
                )


def index_of(
    graph: Graph, separators: list[str], given: tuple[Node, ...], span: Span
) -> tuple[tuple[object, ...], tuple[Node, ...]]:
    """The entries of an index, and the operands that its Holes stand for.

    separators: the colons and commas; given: what stands between them, NOTHING for an open end.
    """
    picked: list[Node] = []

    def entry(node: Node) -> object:
        if node is NOTHING or node.static == NEW_AXIS:
            return None
        if node.static == NONE:  # elsewhere it is the name of a variable
            if node.start >= span.start:
                graph.turn(node)
            return None
        if node.static == ALL_AXES:
            return Ellipsis
        number = whole_number(node)
        if number is None:
            picked.append(node)
            return Hole(len(picked))
        return number

    entries: list[object] = []
    parts = [entry(given[0])]
    colons = False
    for sign, node in zip([*separators, ","], [*given[1:], NOTHING], strict=False):
        if sign == ":":
            colons = True
            parts.append(entry(node))
            continue
        if len(parts) > 3:
            raise SyntaxMistake("a slice has at most two colons", span, "start:stop:step")
        entries.append(Slice(*parts, *[None] * (3 - len(parts))) if colons else parts[0])
        parts, colons = [entry(node)], False
    return tuple(entries), tuple(picked)
