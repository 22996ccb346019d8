"""A small program over arrays as the text of one over numbers: every entry of every stage is a statement."""

from __future__ import annotations

import numpy as np

from gradcli.array_gates import Static
from gradcli.entries import expanded
from gradcli.entry_writer import TooLarge
from gradcli.errors import UsageMistake
from gradcli.evaluate import Evaluation
from gradcli.graph import Node
from gradcli.naming import Names, names_of
from gradcli.printer import text_of

LARGEST = 3  # rows and columns of an array that is written out
MOST_GATES = 2000


def written_out(evaluation: Evaluation) -> str:
    """The text of the same program over numbers; that of a program over numbers itself.

    Raises UsageMistake where an array has more than LARGEST rows or columns.
    """
    program = evaluation.program
    if not program.shapes:
        return program.text
    names = names_of(program)
    for node in (*program.inputs, *program.lines):
        _check(node, program.shapes[node], names)
    try:
        entries = expanded(program, evaluation.values, most=MOST_GATES)
    except TooLarge:
        raise UsageMistake("--entries: the program has too many entries to write them all out") from None
    taken = {*names.of.values(), *program.variables}
    called: dict[Node, str] = {}
    statements = []
    for line in program.lines:
        for place in np.ndindex(np.shape(entries.of[line])):
            node = entries.of[line][place]
            name = _free("_".join([names.of[line], *map(str, place)]), taken) if place else names.of[line]
            statements.append(f"{name} = {text_of(node, called.get)}")
            called[node] = name
    return "\n".join(statements)


def _check(node: Node, shape: tuple[Static, ...], names: Names) -> None:
    if len(shape) > 2 or any(isinstance(size, int) and size > LARGEST for size in shape):
        told = " × ".join(map(str, shape))
        raise UsageMistake(
            f"--entries writes out arrays up to {LARGEST} × {LARGEST}, and {names.of[node]} is {told}",
            node.span,
            "without --entries it is told stage by stage",
        )


def _free(name: str, taken: set[str]) -> str:
    """The name, with underscores behind it if it is taken; from now on it is."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
