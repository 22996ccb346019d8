"""Text to Program: which nodes of the graph get a line of their own.

A node is printed inside the line that uses it only where all partials on the way but one are
+1 or -1 (sums and differences, and a product of two names in a dot product), so that the local
gradient stays what the note would write: +1, -1, or the other factor.
"""

from __future__ import annotations

from gradcli.gates import INPUT
from gradcli.graph import Graph, Node
from gradcli.parser import parse
from gradcli.program import SUMS, Program
from gradcli.rewrite import elementary, fusing

WIDTH = 16  # operands in a line at most


def stage(text: str, fuse: bool = True) -> Program:
    """The staged program of a text.

    text: statements of the language; fuse: as opposed to one elementary gate a line.
    Raises SyntaxMistake or NameMistake.
    """
    return cut(text, parse(text, Graph(fusing() if fuse else elementary())), fuse)


def cut(text: str, graph: Graph, fuse: bool) -> Program:
    """The lines of a graph."""
    uses = used_by_statements(graph)
    order = [node for node in graph.nodes if node.operands and uses[node.index]]
    inside, widths = bytearray(len(graph.nodes)), bytearray(len(graph.nodes))
    _take_constants_in(graph, order, inside, widths)
    if fuse:
        _take_sums_in(graph, order, uses, inside, widths)
    lines = [node for node in order if not inside[node.index]]
    return Program(text, graph, order, lines, inside, graph.statements[graph.output])


def used_by_statements(graph: Graph) -> bytearray:
    """How often each node is used by what a statement needs: 0, 1, or 2 for more; statements count as 2."""
    uses = bytearray(len(graph.nodes))
    for node in graph.titles:
        uses[node.index] = 2
    for node in reversed(graph.nodes):
        if uses[node.index]:
            for operand in node.operands:
                if uses[operand.index] < 2:
                    uses[operand.index] += 1
    return uses


def _take_constants_in(graph: Graph, order: list[Node], inside: bytearray, widths: bytearray) -> None:
    """Marks constants as inside the line that uses them, while they are short: they have no gradient."""
    for node in order:
        if not node.constant or node in graph.titles:
            continue
        width = sum(widths[operand.index] or 1 for operand in node.operands) + (len(node.operands) == 1)
        for operand in sorted(node.operands, key=lambda operand: widths[operand.index], reverse=True):
            if width > WIDTH // 2 and widths[operand.index]:
                width -= widths[operand.index] - 1
                inside[operand.index] = widths[operand.index] = 0
        inside[node.index], widths[node.index] = 1, min(width, WIDTH)


def _take_sums_in(graph: Graph, order: list[Node], uses: bytearray, inside: bytearray, widths: bytearray) -> None:
    """Marks sums and negations that one longer sum uses, and the products of dot products.

    widths: how many operands a node brings into a line that takes it in; 0 if it stays out.
    """
    titles = graph.titles
    products = bytearray(len(graph.nodes))  # how many products of two names a sum has
    sums = []
    for node in order:
        name = node.gate.name
        if name in SUMS and not node.constant:
            sums.append(node)
            left, right = node.operands
            i, j = left.index, right.index
            first = widths[i] if uses[i] == 1 else 0
            second = widths[j] if uses[j] == 1 else 0
            while (first or 1) + (second or 1) > WIDTH:  # the wider one, a sum, gets a line of its own
                first, second = (0, second) if first >= second else (first, 0)
            widths[node.index] = (first or 1) + (second or 1)
            if first:
                products[node.index] = products[i]
                inside[i] |= left.gate.name != "mul"
            if second:
                products[node.index] += products[j]
                inside[j] |= right.gate.name != "mul"
        elif name == "neg" and not node.constant:
            widths[node.index] = 1
        elif name == "mul" and _is_product(node, titles):
            widths[node.index], products[node.index] = 2, 1
    for node in sums:
        if products[node.index] > 1 and not inside[node.index]:
            _take_products_in(node, titles, uses, inside)


def _take_products_in(line: Node, titles: dict[Node, str], uses: bytearray, inside: bytearray) -> None:
    """Marks the products of a line that is a dot product: two or more of two names each, and further names."""
    products: list[Node] = []
    waiting = list(line.operands)
    while waiting:
        node = waiting.pop()
        if inside[node.index]:
            if node.gate.name not in SUMS:
                return
            waiting.extend(node.operands)
        elif uses[node.index] == 1 and _is_product(node, titles):
            products.append(node)
        elif not (_is_name(node, titles) or (node.gate.name in SUMS and uses[node.index] == 1)):
            return
    if len(products) > 1:
        for product in products:
            inside[product.index] = 1


def _is_product(node: Node, titles: dict[Node, str]) -> bool:
    return (
        node.gate.name == "mul"
        and node not in titles
        and _is_name(node.operands[0], titles)
        and _is_name(node.operands[1], titles)
    )


def _is_name(node: Node, titles: dict[Node, str]) -> bool:
    return node.gate is INPUT or node in titles
