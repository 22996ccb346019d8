"""What a careful person says above the code: the expression, arguments, result, conventions, what is reused."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.backward import TIES
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.exact import digits_of
from gradcli.gates import GATES
from gradcli.graph import Node
from gradcli.printer import text_of

LONGEST = 80  # operands of an expression that is shown
MOST_NAMES = 12


def sentences(writer: Writer, function: str) -> Iterator[str]:
    """The header's lines. function: what the code is for."""
    code = writer.code
    yield f"Value and gradient of {code.output}, {function}"
    yield ""
    yield from expression(code)
    yield from conventions(code)
    names = reused(writer)
    if names:
        yield f"The backward pass reuses {listed(names)}."


def reused(writer: Writer, constant: bool = True) -> list[str]:
    """The stages that the backward pass reads; constant: also those in which no input occurs."""
    read = writer.read()
    lines = [line for _, line in writer.code.stages if line in read and (constant or not line.constant)]
    return [writer.names[line] for line in lines]


def listed(names: list[str]) -> str:
    """Names in a sentence; a long list ends in a count."""
    shown = ", ".join(names[:MOST_NAMES])
    return shown if len(names) <= MOST_NAMES else f"{shown} and {len(names) - MOST_NAMES} more"


def size(variable: Variable) -> str:
    """A variable and how large it is: "w (3)"."""
    return f"{variable.spelled} ({' x '.join(map(str, variable.shape))})" if variable.shape else variable.spelled


def expression(code: Code) -> Iterator[str]:
    """The program in gradcli's own language, with the names of the code; or how long it is."""
    graph = code.program.graph
    shown = {node: code.names[node] for node in graph.titles if node in code.names}
    shown |= {leaf: code.names[leaf] for leaf in code.program.inputs}
    if sum(_width(node, shown) for node in graph.titles if node in code.names) > LONGEST:
        yield f"{code.output} is computed in {len(code.stages)} stages."
        return
    for node in graph.titles:
        if node in code.names:
            yield f"{code.names[node]} = {text_of(node, shown.get)}"


def _width(node: Node, shown: dict[Node, str]) -> int:
    """How many nodes an expression shows, or a little more than LONGEST."""
    count, waiting = 0, list(node.operands)
    while waiting and count <= LONGEST:
        inner = waiting.pop()
        count += 1
        if inner not in shown:
            waiting.extend(inner.operands)
    return count


def conventions(code: Code) -> Iterator[str]:
    """What holds at the kinks of the gates that occur."""
    gates = {line.gate.name for _, line in code.stages}
    if all(line.gate.name != "pow" or _plain_power(line) for _, line in code.stages if "pow" in gates):
        gates.discard("pow")
    routing = [name for name in GATES if name in gates and GATES[name].routes]
    if routing:
        yield f"At a tie of {' or '.join(routing)} {TIES[code.formulas.ties]}."
    told = [GATES[name].custom for name in GATES if name in gates and GATES[name].custom and name not in routing]
    if told:
        yield f"By convention {'; '.join(told)}."


def _plain_power(line: Node) -> bool:
    """Whether a line is a power that no convention is about."""
    return line.gate.name == "pow" and digits_of(line.operands[1]).strip("-0.") != ""
