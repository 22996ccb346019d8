"""The arithmetic of a page: a JavaScript function that gives every value, gradient and local gradient of a program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from gradcli.backward import Flow, active, flows
from gradcli.codegen import target_called
from gradcli.codegen.code import Code, coded, shapes_of
from gradcli.codegen.lines import Writer
from gradcli.gates import GATES, variadic
from gradcli.graph import Node
from gradcli.program import Program

NAME = "circuit"
RESERVED = (NAME, "routed")
START = 0.5  # of inputs where no point is given


class Live(NamedTuple):
    """script: the function and those that it calls; it takes the variables and returns three lists.

    names: whose values and gradients the first two have. sent: the flows whose local gradients and shares, in
    pairs, the third has.
    """

    script: str
    names: list[Node]
    sent: list[Flow]


def live(program: Program, ties: str, wrt: list[str] | None, point: Mapping[str, Any]) -> Live:
    """The function of a program of numbers. point: values of the variables, for their shapes."""
    language = target_called("javascript")
    shapes = {name: _shape(value) for name, value in point.items()}
    own = [*RESERVED, *(gate for gate in GATES if gate not in language.dialect.forms)]
    code = coded(program, language, "plain", ties, wrt, shapes, own)
    writer = Writer(code)
    body = [*writer.forward(), *writer.backward()]
    asked = active(program, wrt)
    nodes = [*program.inputs, *(line for _, line in code.stages)]
    sent = list(flows(program, wrt))
    values = [code.names[node] for node in nodes]
    gradients = [_gradient(code, node, asked) for node in nodes]
    shares = [_share(writer, flow, ties) for flow in sent]
    result = ",\n".join(f"  [{', '.join(row)}]" for row in (values, gradients, shares))
    head = f"function {NAME}({', '.join(variable.spelled for variable in code.variables)}) {{"
    functions = [line for function in writer.functions() for line in function]
    script = "\n".join([*functions, head, *body, f"return [\n{result}\n];", "}"])
    return Live(script, nodes, sent)


def begin(program: Program, point: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each variable: the point's, else 0.5 in the smallest shape that has all elements which occur."""
    if point:
        return {name: point[name] for name in program.variables}
    found: dict[str, Any] = {}
    for name, shape in shapes_of(program).items():
        found[name] = START
        for size in reversed(shape):
            found[name] = [found[name]] * size
    return found


def _gradient(code: Code, node: Node, asked: bytearray) -> str:
    """The gradient of a node as the function has it; 0 where nothing flows, null where it was not asked for."""
    if node is not code.program.output and not asked[node.index]:
        return "null"
    gradient = code.gradients.get(node)
    if gradient is code.formulas.one:
        return "1"
    return code.names[gradient] if gradient is not None else "0"


def _share(writer: Writer, flow: Flow, ties: str) -> str:
    """The local gradient of a flow and what it brings its operand."""
    code = writer.code
    upstream = code.gradients[flow.line]
    if variadic(flow.line.gate) and len(flow.line.operands) > 2:
        return ", ".join(f"routed({text})" for text in _routed(code, flow, ties))
    local = writer.text(code.formulas.local(flow))
    return f"{local}, {writer.text(code.formulas.received(flow, upstream))}"


def _routed(code: Code, flow: Flow, ties: str) -> Iterator[str]:
    """The arguments of the page's own function for a max or min of many operands."""
    place = flow.steps[0][1]
    operands = ", ".join(code.names.get(operand, _number(code, operand)) for operand in flow.line.operands)
    upstream = code.gradients[flow.line]
    for gradient in ("1", "1" if upstream is code.formulas.one else code.names[upstream]):
        yield f'"{ties}", [{operands}], {place}, {code.names[flow.line]}, {gradient}'


def _number(code: Code, node: Node) -> str:
    """An operand without a name: a number or a constant part."""
    from gradcli.printer import text_of

    return text_of(node, code.names.get, code.target.dialect)


def _shape(value: object) -> tuple[int, ...]:
    return (len(value), *_shape(value[0])) if isinstance(value, list) and value else ()
