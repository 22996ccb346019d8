"""What a line should be, by the rules of the gates and in the author's names: where one is missing or past repair."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np

from gradcli.array_gates import ARRAY_GATES
from gradcli.array_values import settings_of
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


Written = tuple[Node, tuple[int, ...]]  # an expression and its shape


class Contribution(NamedTuple):
    """text: an expression, nothing if none was found; entry: `[0]` where it belongs to one element of the name."""

    text: str
    entry: str


NONE = Contribution("", "")


def derived(
    machine: Machine, line: Assignment, name: str, upstream: str, memory: Memory, prefix: str, whole: bool
) -> Contribution:
    """What one forward line sends to one of the names it reads.

    upstream: the name of the gradient of what the line assigns. prefix: that of functions, as in "np.".
    whole: whether it must have the name's own shape, as the first value of a gradient must.
    """
    if line.operator or line.entry:
        return NONE
    program = machine.shaped(machine.formula(line.expression, line.at), memory)
    sweep = _Symbols(program, line.target, upstream, name)
    for node in reversed(program.lines):
        if node in sweep.arrived and not sweep.send(node):
            return NONE
    found = [leaf for leaf in program.inputs if isinstance(leaf.static, Input) and leaf.static.base == name]
    if len(found) > 1 and whole:
        return _list(sweep, found, np.size(memory[name]), prefix)
    if len(found) != 1 or found[0] not in sweep.arrived:
        return NONE
    expression, shape = sweep.arrived[found[0]]
    text = operand_text(expression, _named, _dialect(prefix))
    if whole and shape != program.shapes[found[0]]:
        text = f"np.ones_like({name}) * ({text})"
    assert isinstance(found[0].static, Input)
    entry = str(Input("", found[0].static.places)) if found[0].static.places else ""
    return Contribution(text, entry) if len(text) <= LONGEST else NONE


def _list(sweep: _Symbols, leaves: list[Node], size: int, prefix: str) -> Contribution:
    """The contributions to the elements of a list."""
    texts = ["0.0"] * size
    for leaf in leaves:
        assert isinstance(leaf.static, Input)
        if len(leaf.static.places) != 1 or leaf not in sweep.arrived:
            return NONE
        texts[leaf.static.places[0]] = operand_text(sweep.arrived[leaf][0], _named, _dialect(prefix))
    return Contribution(f"[{', '.join(texts)}]", "")


def _named(node: Node) -> str | None:
    return str(node.static) if isinstance(node.static, Input) else None


def _dialect(prefix: str) -> Dialect:
    constants = {"pi": prefix + "pi", "e": prefix + "e"} if prefix else {}
    forms = {name: f"{prefix}{name}(x)" for name in FUNCTIONS} if prefix else {}
    forms["where"] = "(a if cond else b)"
    if prefix.startswith("n"):
        forms |= {name: f"{prefix}arc{name[1:]}(x)" for name in FUNCTIONS if re.fullmatch(r"a(sin|cos|tan)h?", name)}
        forms["where"] = f"{prefix}where(cond, a, b)"
        forms["sum"] = f"{prefix}sum(A, axis=None, keepdims=False)"
        forms["outer"] = f"{prefix}outer(a, b)"
    return Dialect(forms=forms, constants=constants)


class _Symbols:
    """Gradients as expressions, on the nodes of one forward line."""

    def __init__(self, program: Program, own: str, upstream: str, wanted: str) -> None:
        """wanted: the name to which the gradient goes; what leads to no element of it is left out."""
        self.leading: set[Node] = set()
        for node in program.graph.nodes:
            static = node.static
            own_leaf = isinstance(static, Input) and static.base == wanted
            if own_leaf or not self.leading.isdisjoint(node.operands):
                self.leading.add(node)
        self.graph: Graph = program.graph
        self.shapes: dict[Node, tuple[int, ...]] = dict(program.shapes)  # type: ignore[arg-type]
        self.output = program.output
        self.own = own
        self.arrived: dict[Node, Written] = {program.output: (self.graph.name(upstream), self.shapes[program.output])}

    def send(self, node: Node) -> bool:
        """Pass a gradient on to the operands of a node; False where that cannot be written."""
        dout, shape = self.arrived[node]
        out = self.graph.name(self.own) if node is self.output else node
        for place, operand in enumerate(node.operands):
            if operand not in self.leading:
                continue
            written = self._reduced(node, operand, dout) or self._share(node, place, out, dout, shape)
            if written is None:
                return False
            share, size = self._summed(*written, self.shapes[operand])
            before = self.arrived.get(operand)
            if before is not None:
                share, size = self.graph.apply(GATES["add"], (before[0], share)), max(size, before[1], key=len)
            self.arrived[operand] = share, size
        return True

    def _reduced(self, node: Node, operand: Node, dout: Node) -> Written | None:
        """Back through a sum or mean: what is left out of a shape is broadcast where it is used."""
        if node.gate.name not in ("sum", "mean"):
            return None
        settings = settings_of(node)
        shape = self.shapes[operand]
        if settings["axis"] not in (None, 0) and not settings["keepdims"]:
            return None
        if node.gate.name == "mean":
            axis = settings["axis"]
            count = math.prod(shape) if axis is None else shape[axis]
            dout = self.graph.apply(GATES["div"], (dout, self.graph.number(str(count))))
        return dout, self.shapes[node]

    def _summed(self, share: Node, size: tuple[int, ...], shape: tuple[int, ...]) -> Written:
        """A share summed along the axes along which its operand was broadcast."""
        if len(size) == len(shape) and all(a == b or a == 1 for a, b in zip(size, shape, strict=True)):
            return share, size
        if len(size) < len(shape):
            return share, size
        if not shape:
            return self._sum(share, None, False), ()
        if len(size) == len(shape) + 1 and size[1:] == shape:
            return self._sum(share, 0, False), shape
        for axis, (one, other) in enumerate(zip(size, shape, strict=False)):
            if len(size) == len(shape) and other == 1 and one != 1:
                return self._sum(share, axis, True), shape
        return share, size

    def _sum(self, share: Node, axis: int | None, keepdims: bool) -> Node:
        return self.graph.array(ARRAY_GATES["sum"], (share,), (("axis", axis), ("keepdims", keepdims)))

    def _share(self, node: Node, place: int, out: Node, dout: Node, shape: tuple[int, ...]) -> Written | None:
        graph, gate = self.graph, node.gate
        if gate.name == "copy":
            return dout, shape
        if gate.name in ("max", "min"):
            chosen = graph.apply(GATES["eq"], (node.operands[place], out))
            return graph.apply(GATES["where"], (chosen, dout, graph.number("0"))), self.shapes[node]
        if variadic(gate) or (gate.name not in GATES and gate.name not in MATRICES):
            return None
        if gate.name == "pow" and node.operands[1].gate is NUMBER:
            letters = {"a": node.operands[0], "dout": dout}
            return substitute(graph, _power(str(node.operands[1].static)), letters), self.shapes[node]
        letters = {**dict(zip(parameters(gate), node.operands, strict=True)), "out": out, "dout": dout}
        rule = contribution(gate, place, guarded=False)
        size = self.shapes[node] if gate.name in GATES else self.shapes[node.operands[place]]
        if gate.name in ("add", "sub", "neg"):
            size = shape  # what is passed on as it is keeps its shape
        return (graph.number("0") if rule is None else substitute(graph, rule, letters)), size


def _power(exponent: str) -> Node:
    return formula({"2": "2 * a * dout", "1": "dout"}.get(exponent, f"{exponent} * a ** ({exponent} - 1) * dout"))
