"""Text to Program: which nodes of the graph get a line of their own.

A node is printed inside the line that uses it only where all partials on the way but one are
+1 or -1 (sums and differences, and a product of two names in a dot product), so that the local
gradient stays what the note would write: +1, -1, or the other factor.
"""

from __future__ import annotations

from gradcli.gates import INPUT
from gradcli.graph import Graph, Node
from gradcli.parser import parse
from gradcli.program import Program
from gradcli.rewrite import elementary, fusing

WIDTH = 16  # operands in a line at most
SUMS = ("add", "sub")


def stage(text: str, fuse: bool = True) -> Program:
    """The staged program of a text.

    text: statements of the language; fuse: as opposed to one elementary gate a line.
    Raises SyntaxMistake or NameMistake.
    """
    graph = parse(text, Graph(fusing if fuse else elementary))
    uses = _uses(graph)
    inside, widths = _absorbed(graph, uses, fuse)
    if fuse:
        for node in graph.nodes:
            if uses[node.index] and node.gate.name in SUMS and not inside[node.index]:
                _absorb_products(graph, node, uses, inside)
    order = [node for node in graph.nodes if node.operands and uses[node.index]]
    lines = [node for node in order if not inside[node.index]]
    return Program(text, graph, order, lines, inside, graph.statements[graph.output])


def _uses(graph: Graph) -> bytearray:
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


def _absorbed(graph: Graph, uses: bytearray, fuse: bool) -> tuple[bytearray, dict[Node, int]]:
    """Marks constants that are short, and sums that one longer sum uses."""
    inside = bytearray(len(graph.nodes))
    widths: dict[Node, int] = {}  # operands of the line that a sum or constant would be, where more than one
    for node in graph.nodes:
        if not uses[node.index] or not node.operands:
            continue
        if node.constant:
            width = sum(widths.get(operand, 1) for operand in node.operands)
            if width <= WIDTH and node not in graph.titles:
                widths[node] = width
                inside[node.index] = 1
        elif fuse and node.gate.name in SUMS:
            widths[node] = _absorb_sums(graph, node, uses, inside, widths)
    return inside, widths


def _absorb_sums(graph: Graph, node: Node, uses: bytearray, inside: bytearray, widths: dict[Node, int]) -> int:
    """Take the operands of a sum into its line as far as they fit; how wide the line is then."""
    total = sum(2 if _is_product(operand, graph) else _own_width(operand, widths) for operand in node.operands)
    for operand in node.operands:
        if uses[operand.index] != 1 or operand.constant:
            continue
        if operand.gate.name in SUMS:
            wider = total - 1 + widths[operand]
        elif operand.gate.name == "neg":
            wider = total
        else:
            continue
        if wider <= WIDTH:
            inside[operand.index] = 1
            total = wider
    return total


def _own_width(operand: Node, widths: dict[Node, int]) -> int:
    return widths.get(operand, 1) if operand.constant else 1


def _absorb_products(graph: Graph, line: Node, uses: bytearray, inside: bytearray) -> None:
    """Make a sum of products of two names, with further names, one line: a dot product."""
    products: list[Node] = []
    waiting = list(line.operands)
    while waiting:
        node = waiting.pop()
        if inside[node.index] and not node.constant:
            if node.gate.name == "neg":
                return
            waiting.extend(node.operands)
        elif _is_product(node, graph) and uses[node.index] == 1:
            products.append(node)
        elif not (_is_name(node, graph) or (node.gate.name in SUMS and uses[node.index] == 1)):
            return
    if len(products) >= 2:
        for product in products:
            inside[product.index] = 1


def _is_product(node: Node, graph: Graph) -> bool:
    return (
        node.gate.name == "mul"
        and node not in graph.titles
        and _is_name(node.operands[0], graph)
        and _is_name(node.operands[1], graph)
    )


def _is_name(node: Node, graph: Graph) -> bool:
    return node.gate is INPUT or node in graph.titles
