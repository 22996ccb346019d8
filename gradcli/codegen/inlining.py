"""Which stages of a program over arrays are written inside the line that uses them.

NumPy computes `X @ W + b` in the memory of the product, which nobody else holds; a stage with a name would keep it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container

from gradcli.graph import Node
from gradcli.program import Program, operands_of

LONGEST = 8  # names and gates of a line, beyond which no stage is taken in
PLAIN = ("extent", "arange", "shape", "index", "pick", "pick2", "reshape")  # whose operands stay names


def inlined(program: Program, used: bytearray, read: Container[Node]) -> set[Node]:
    """The stages without a user's name that one line uses once, and the backward pass does not read.

    used: for each node of the graph, whether the output depends on it. read: what the backward pass reads.
    """
    lines = [line for line in program.lines if used[line.index]]
    uses = Counter(operand for line in lines for operand in operands_of(program, line))
    found: set[Node] = set()
    widths: dict[Node, int] = {}
    for line in lines:
        operands = list(operands_of(program, line))
        width = 1 + len(operands)
        for operand in operands:
            free = operand in widths and uses[operand] == 1 and operand not in read
            if free and operand not in program.graph.titles and line.gate.name not in PLAIN:
                wider = width + widths[operand] - 1
                if wider <= LONGEST:
                    width = wider
                    found.add(operand)
        widths[line] = width
    return found - {program.output}
