"""What a line should be, by the rules of the gates and in the author's names: where one is missing or past repair."""

from __future__ import annotations

import re

from gradcli.backward import contribution
from gradcli.diagnose.machine import Machine, Memory
from gradcli.diagnose.reader import Assignment
from gradcli.formula import formula, substitute
from gradcli.gates import GATES, NUMBER, parameters, variadic
from gradcli.graph import Graph, Input, Node
from gradcli.printer import Dialect, operand_text
from gradcli.program import Program

FUNCTIONS = re.findall(
    r"\w+",
    "exp expm1 log log1p log2 log10 sqrt cbrt sin cos tan sinh cosh tanh asin acos atan asinh acosh atanh floor ceil",
)
MATRICES = ("matmul", "matvec", "vecmat", "dot", "outer", "transpose")
LONGEST = 400


def derived(
    machine: Machine, line: Assignment, name: str, upstream: str, memory: Memory, numpy: str
) -> tuple[str, str]:
    """The contribution of one forward line to one of the names it reads, as an expression; nothing if none is found.

    With it the entry that it belongs to: `[0]` where the line reads one element.

    upstream: the name of the gradient of what the line assigns. numpy: the prefix of functions, as in "np.".
    """
    program = machine.shaped(machine.formula(line.expression, line.at), memory)
    if line.operator or line.entry:
        return "", ""
    sweep = _Symbols(program, line.target, upstream)
    for node in reversed(program.lines):
        if node in sweep.arrived and not sweep.send(node):
            return "", ""
    found = [leaf for leaf in program.inputs if isinstance(leaf.static, Input) and leaf.static.base == name]
    if len(found) != 1 or found[0] not in sweep.arrived:
        return "", ""
    text = operand_text(sweep.arrived[found[0]], lambda node: _named(node, sweep), _dialect(numpy))
    assert isinstance(found[0].static, Input)
    entry = str(Input("", found[0].static.places)) if found[0].static.places else ""
    return (text, entry) if len(text) <= LONGEST else ("", "")


def _named(node: Node, sweep: _Symbols) -> str | None:
    if isinstance(node.static, Input):
        return str(node.static)
    return None


def _dialect(prefix: str) -> Dialect:
    module = prefix or ""
    forms = {name: f"{module}{name}(x)" for name in FUNCTIONS} if module else {}
    if module.startswith("np"):
        forms |= {name: f"{module}arc{name[1:]}(x)" for name in FUNCTIONS if re.fullmatch(r"a(sin|cos|tan)h?", name)}
        forms |= {"where": f"{module}where(cond, a, b)"}
        return Dialect(forms=forms, constants={"pi": module + "pi", "e": module + "e"})
    forms |= {"where": "(a if cond else b)"}
    return Dialect(forms=forms, constants={"pi": module + "pi", "e": module + "e"} if module else {})


class _Symbols:
    """Gradients as expressions, on the nodes of one forward line."""

    def __init__(self, program: Program, own: str, upstream: str) -> None:
        self.graph: Graph = program.graph
        self.output = program.output
        self.own = own
        self.arrived: dict[Node, Node] = {program.output: self.graph.name(upstream)}

    def send(self, node: Node) -> bool:
        """Pass a gradient on to the operands of a node; False where that cannot be written."""
        dout = self.arrived[node]
        out = self.graph.name(self.own) if node is self.output else node
        for place, operand in enumerate(node.operands):
            if operand.constant:
                continue
            share = self._share(node, place, out, dout)
            if share is None:
                return False
            before = self.arrived.get(operand)
            self.arrived[operand] = share if before is None else self.graph.apply(GATES["add"], (before, share))
        return True

    def _share(self, node: Node, place: int, out: Node, dout: Node) -> Node | None:
        graph, gate = self.graph, node.gate
        if gate.name == "copy":
            return dout
        if gate.name in ("max", "min"):
            chosen = graph.apply(GATES["eq"], (node.operands[place], out))
            return graph.apply(GATES["where"], (chosen, dout, graph.number("0")))
        if gate.name == "sum" and dict(node.static or ()).get("axis") is None:  # type: ignore[arg-type]
            return dout
        if variadic(gate) or (gate.name not in GATES and gate.name not in MATRICES):
            return None
        if gate.name == "pow" and node.operands[1].gate is NUMBER:
            return substitute(graph, _power(str(node.operands[1].static)), {"a": node.operands[0], "dout": dout})
        letters = {**dict(zip(parameters(gate), node.operands, strict=True)), "out": out, "dout": dout}
        rule = contribution(gate, place, guarded=False)
        return graph.number("0") if rule is None else substitute(graph, rule, letters)


def _power(exponent: str) -> Node:
    return formula({"2": "2 * a * dout", "1": "dout"}.get(exponent, f"{exponent} * a ** ({exponent} - 1) * dout"))
