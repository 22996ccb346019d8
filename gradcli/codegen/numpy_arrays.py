"""NumPy for programs whose shapes are known: the layer that a careful person writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from json import dumps

from gradcli.array_gates import Hole
from gradcli.array_local import Entry
from gradcli.backward import TIES
from gradcli.codegen import pythonic
from gradcli.codegen.array_code import ArrayCode, Sent
from gradcli.codegen.numpy import CONDITIONS, FORMS
from gradcli.codegen.numpy import HELPERS as ELEMENTWISE
from gradcli.codegen.numpy import TARGET as NUMPY
from gradcli.codegen.numpy_functions import FUNCTIONS, NEEDS
from gradcli.codegen.target import Options, spelling
from gradcli.dimensions import Shape, written
from gradcli.errors import UsageMistake
from gradcli.formula import formula
from gradcli.gates import GATES, operator_of, parameters
from gradcli.graph import Input, Node
from gradcli.local import Expression
from gradcli.printer import Dialect, operand_text, text_of
from gradcli.program import base_of

REDUCED = "(A, axis=None, keepdims=False"
ARRAY_FORMS = {
    **{name: f"np.{name}{REDUCED})" for name in ("sum", "mean", "prod")},
    **{name: f"np.{name}{REDUCED}, ddof=0)" for name in ("var", "std")},
    "amax": f"np.max{REDUCED})",
    "amin": f"np.min{REDUCED})",
    "norm": f"norm{REDUCED})",
    "logsumexp": f"logsumexp{REDUCED})",
    "softmax": "softmax(A, axis=-1)",
    "log_softmax": "log_softmax(A, axis=-1)",
    "cumsum": "np.cumsum(A, axis=None)",
    "sums_from": "np.flip(np.cumsum(np.flip(A, axis=None), axis=None), axis=None)",
    "outer": "np.outer(a, b)",
    "permute": "np.transpose(A, axes=None)",
    "reshape": "np.reshape(A, shape=None)",
    "reshape_as": "G.reshape(A.shape)",
    "concatenate": "np.concatenate([a, b, ...], axis=0)",
    "stack": "np.stack([a, b, ...], axis=0)",
    "mT": "np.swapaxes(A, -1, -2)",
    "trace": "np.trace(A)",
    "on_diagonal": "g * np.eye(*A.shape)",
    "det": "np.linalg.det(A)",
    "inv": "np.linalg.inv(A)",
    "solve": "np.linalg.solve(A, B)",
    "solve_vector": "np.linalg.solve(A, b)",
    "spread_to": "np.broadcast_to(G, A.shape)",
    "arange": "np.arange(n)",
    "whole": "x.astype(int)",
    "others": "others(A, axis=None)",
    "cofactor": "cofactor(A)",
    "choose": "np.where(chosen, a, b)",
    "first": "first(A, axis=None)",
    "last": "last(A, axis=None)",
}
PLAIN = pythonic.floats("np.inf")


def _operand(node: Node, place: int) -> str:
    assert PLAIN.operand is not None
    return str(node.operands[place].static) if node.gate.name == "arange" else PLAIN.operand(node, place)


def _form(node: Node, name: object) -> str | None:
    """A power of an array; NumPy's own function where no operand is one."""
    return "a**b" if node.gate.name == "pow" and not node.constant else None


DIALECT = Dialect(
    forms={**FORMS, **ARRAY_FORMS, "sqrt": "np.sqrt(x)", "relu": "np.maximum(x, 0.0)"},
    number=PLAIN.number,
    operand=_operand,
    constants={"pi": "np.pi", "e": "np.e"},
    conditions=CONDITIONS,
    form=_form,
)
MASKS = DIALECT._replace(forms={**DIALECT.forms, **pythonic.COMPARED})  # comparisons as truth values


def array_frame(code: ArrayCode, options: Options) -> Iterator[str]:
    """The text of a function, or bare lines."""
    writer = ArrayWriter(code, options)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    if options.form == "script":
        raise UsageMistake("--form script is for programs of numbers", hint="--form function takes arrays")
    functions = list(writer.functions())
    if any("math." in line for function in functions for line in function):
        yield from ["import math", ""]
    yield from ["import numpy as np", "", ""]
    for function in functions:
        yield from [*function, "", ""]
    yield f"def {options.name}({', '.join(writer.arguments())}):"
    yield from pythonic.docstring(writer.sentences())
    yield from pythonic.indented(
        [*writer.conversions(), "", "# forward pass", *forward, "", "# backward pass", *backward, "", writer.result()]
    )


class ArrayWriter:
    """Spells one program. words: names that the code around it needs."""

    words: tuple[str, ...] = ()

    def __init__(self, code: ArrayCode, options: Options) -> None:
        self.code = code
        self.shapes = code.program.shapes
        names = [*code.names.values(), *code.gradients.values(), *code.gradient_of.values(), *code.program.variables]
        plain = [name for name in names if "[" not in name]
        reserved = [options.name, *self.words, *FUNCTIONS, *(gate for gate in GATES if gate not in DIALECT.forms)]
        reserved += ["memory", "shapes"] if options.inplace else []
        self.spelled = spelling(dict.fromkeys(plain), NUMPY, reserved)
        self.names = {node: self._spelled(name) for node, name in (code.names | code.gradients).items() if node}
        for node, name in code.names.items():
            self.names[node] = self._spelled(name)
        self.of = {node: self._spelled(name) for node, name in code.gradients.items()}
        self.rules: list[Node] = []
        self.made: set[str] = set()

    def _spelled(self, name: str) -> str:
        base, bracket, rest = name.partition("[")
        return self.spelled[base] + bracket + rest

    # -- expressions ----------------------------------------------------------------------

    def text(self, expression: Expression, binding: int = 0, dialect: Dialect = DIALECT) -> str:
        """An expression."""
        rule, letters = expression
        self.rules.append(rule)

        def name(node: Node) -> str | None:
            return self.names[letters[int(node.static.base)]] if isinstance(node.static, Input) else None

        return operand_text(rule, name, dialect, binding)

    # -- lines ----------------------------------------------------------------------------

    def forward(self) -> Iterator[str]:
        """The lines of the forward pass, each with its shape."""
        for line, value in self.code.stages:
            if line in self.code.formulas.inlined:
                continue
            yield f"{self.names[line]} = {self.text(value)}  # {written(self.shapes[line])}"

    def backward(self) -> Iterator[str]:
        """The groups of the backward pass, each under its header."""
        values = {line: self.text(value) for line, value in self.code.stages}
        yield from self.zeros_first()
        for line, sent in self.code.groups:
            name = "" if line in self.code.formulas.inlined else f"{self.names[line]} = "
            yield f"# backprop {name}{values[line]}"
            for one in sent:
                yield from self._assignment(one)
        yield from self.zeros()

    def zeros_first(self) -> Iterator[str]:
        """The gradients whose entries are inputs of their own, before anything is added."""
        for name in self._elementwise():
            yield f"{self.gradient(name)} = np.zeros_like({self.spelled[name]})"

    def zeros(self) -> Iterator[str]:
        """The gradients that nothing was added to."""
        for name in self.code.wanted:
            if self.gradient(name) not in self.made and name not in self._elementwise():
                yield f"{self.gradient(name)} = np.zeros_like({self.spelled[name]})"

    def gradient(self, name: str) -> str:
        """The name of a variable's gradient."""
        return self.spelled[self.code.gradient_of[name]]

    def _elementwise(self) -> list[str]:
        """The variables whose entries are inputs of their own."""
        found = {base_of(leaf) for leaf in self.code.program.inputs if leaf.static.places}  # type: ignore[union-attr]
        return [name for name in self.code.wanted if name in found]

    def _assignment(self, sent: Sent) -> Iterator[str]:
        name = self.of[sent.to]
        if sent.zeroed:
            where, _, gradient = (Expression(one, self.code.formulas.letters) for one in sent.term.node.operands)
            self.made.add(name)
            yield f"{name} = {self.text(gradient)}"
            yield f"np.putmask({name}, {self.text(where, dialect=MASKS)}, 0.0)"
            return
        value = self.text(self.code.formulas.expression(sent.term))
        sign = "=" if sent.first else "+="
        self.made.add(name)
        if sent.entry is not None:
            yield from self._entry(sent, name, value, sent.entry)
        elif sent.whole:
            yield f"{name} = np.full_like({self.names[sent.to]}, {value})"
        elif sent.owned:
            yield f"{name} = np.copy({value})"
        else:
            yield f"{name} {sign} {value}"

    def _entry(self, sent: Sent, name: str, value: str, entry: Entry) -> Iterator[str]:
        if sent.first:
            yield f"{name} = np.zeros_like({self.names[sent.to]})"
        if entry.repeated:
            yield f"np.add.at({name}, {self.key(entry, call=True)}, {value})"
        else:
            yield f"{name}[{self.key(entry)}] {'=' if sent.first else '+='} {value}"

    def key(self, entry: Entry, call: bool = False) -> str:
        """The index of an entry; as an argument, if a call is given it."""
        parts = [self._part(part, entry, call) for part in entry.places]
        return f"({', '.join(parts)})" if call and len(parts) > 1 else ", ".join(parts)

    def _part(self, part: object, entry: Entry, call: bool) -> str:
        if isinstance(part, Hole):
            return self.text(entry.picks[part.place - 1])
        if isinstance(part, tuple):
            bounds = ["" if bound is None else str(bound) for bound in part]
            if call:
                return f"slice({', '.join(map(str, part))})"
            return ":".join(bounds if bounds[2] else bounds[:2])
        return "..." if part is Ellipsis else str(part)

    # -- around them ----------------------------------------------------------------------

    def arguments(self) -> list[str]:
        """The parameters of the function."""
        seed = [self.spelled[self.code.seed]] if self.code.seed else []
        return [*(self.spelled[name] for name in self.code.variables), *seed]

    def shape_of(self) -> Mapping[str, Shape]:
        """The shapes of variables that are used whole."""
        leaves = self.code.program.inputs
        return {base_of(leaf): self.shapes[leaf] for leaf in leaves if not leaf.static.places}  # type: ignore[union-attr]

    def sentences(self) -> Iterator[str]:
        """The docstring: arguments with their shapes, the program, the result, conventions."""
        code, output = self.code, self.names[self.code.program.output]
        yield f"Value and gradient of {output}."
        yield ""
        shapes = self.shape_of()
        for name in code.variables:
            shape = f" {written(shapes[name])}" if name in shapes else ""
            yield f"{self.spelled[name]}{shape}{', whole numbers' if name in code.whole else ''}"
        if code.seed:
            shape = written(self.shapes[code.program.output])
            yield f"{self.spelled[code.seed]} {shape}: the gradient that arrives from above"
        yield f"Returns {output} and the gradients by name, each in the shape of its variable."
        yield from self._conventions()

    def _conventions(self) -> Iterator[str]:
        gates = [line.gate for line, _ in self.code.stages]
        if any(gate.name in ("max", "min", "amax", "amin") for gate in gates):
            yield f"At a tie of max or min {TIES[self.code.formulas.ties]}."
        told = sorted(
            {gate.custom for gate in gates if gate.custom and "--ties" not in gate.custom and gate.name != "pow"}
        )
        if told:
            yield f"By convention {'; '.join(told)}."
        if any(gate.closed and not gate.partials for gate in gates):
            yield "Where an operand of a gate that routes is nan, a gradient through it may be 0."

    def conversions(self) -> Iterator[str]:
        """Each argument as an array."""
        for name in self.code.variables:
            kind = "int" if name in self.code.whole else "float"
            yield f"{self.spelled[name]} = np.asarray({self.spelled[name]}, dtype={kind})"

    def result(self) -> str:
        """The return statement."""
        entries = (f"{dumps(name, ensure_ascii=False)}: {self.gradient(name)}" for name in self.code.wanted)
        return f"return {self.names[self.code.program.output]}, {{{', '.join(entries)}}}"

    def functions(self) -> Iterator[list[str]]:
        """The small functions that the code calls, each behind those that it calls itself."""
        done: set[str] = set()
        for rule in list(self.rules):
            for name in _called(rule):
                yield from self._function(name, done)

    def _function(self, name: str, done: set[str]) -> Iterator[list[str]]:
        if name in done:
            return
        done.add(name)
        for inner in NEEDS.get(name, []):
            yield from self._function(inner, done)
        if name in FUNCTIONS or name in ELEMENTWISE:
            yield FUNCTIONS[name].split("\n") if name in FUNCTIONS else ELEMENTWISE[name]
        elif (
            name in GATES and name not in DIALECT.forms and not operator_of(GATES[name]) and name not in ("neg", "copy")
        ):
            gate = GATES[name]
            rule = formula(gate.stable or gate.means)
            for inner in _called(rule):
                yield from self._function(inner, done)
            yield pythonic.function(name, list(parameters(gate)), text_of(rule, lambda node: None, DIALECT))


def _called(rule: Node) -> Iterator[str]:
    """The gates of an expression."""
    waiting = [rule]
    while waiting:
        node = waiting.pop()
        if node.operands:
            yield node.gate.name
            waiting.extend(reversed(node.operands))
