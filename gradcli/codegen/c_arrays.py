"""C99 for programs whose shapes are numbers: plain loops over arrays that lie row by row, no allocation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import prod

from gradcli.codegen import braces
from gradcli.codegen.array_code import ArrayCode, Sent
from gradcli.codegen.c import TARGET
from gradcli.codegen.c_functions import FUNCTIONS, NEEDS
from gradcli.codegen.c_loops import DIALECT, Letter, Loops
from gradcli.codegen.target import Options, spelling
from gradcli.dimensions import Shape, indexed, written
from gradcli.errors import UsageMistake
from gradcli.formula import formula
from gradcli.gates import GATES, INPUT, operator_of, parameters
from gradcli.graph import Input, Node
from gradcli.printer import text_of
from gradcli.program import base_of

EXTRA = ("choose", "same")


def array_frame(code: ArrayCode, options: Options) -> Iterator[str]:
    """The text of a function, or bare lines. Raises UsageMistake where the code has no loops for something."""
    if options.form == "script":
        raise UsageMistake("--form script is for programs of numbers", hint="--form function takes arrays")
    _check(code)
    writer = _Writer(code, options)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    yield from ["#include <math.h>", ""]
    for function in writer.functions():
        yield from [*function, ""]
    yield from map(braces.comment, writer.sentences())
    kind, last = ("void", []) if code.seed else ("double", ["", f"return {writer.result()};"])
    yield f"{kind} {options.name}({', '.join(writer.parameters()) or 'void'})"
    yield "{"
    unused = [f"(void){writer.spelled[name]};" for name in code.variables]
    body = [*unused, "// forward pass", *forward, "", "// backward pass", *backward, *last]
    yield from braces.indented(body)
    yield "}"


def _check(code: ArrayCode) -> None:
    for name, shape in ((str(leaf.static), code.program.shapes[leaf]) for leaf in code.program.inputs):
        if not all(isinstance(size, int) for size in shape):
            message = f"c takes shapes of numbers, and {name} has the shape {written(shape)}"
            raise UsageMistake(message, hint=f"declare it in numbers: --shape {name}=2x3")


class _Writer:
    """Spells one program."""

    def __init__(self, code: ArrayCode, options: Options) -> None:
        self.code = code
        self.shapes = code.program.shapes
        names = [*code.names.values(), *code.gradients.values(), *code.gradient_of.values(), *code.variables]
        called = [gate for gate in GATES if gate not in DIALECT.forms]
        reserved = [options.name, *FUNCTIONS, *called]
        self.spelled = spelling(dict.fromkeys(name.partition("[")[0] for name in names), TARGET, reserved)
        self.placeholder = {name: node for node, name in code.gradients.items() if node not in code.names}
        self.loops = Loops(self._letter, code.formulas.own, [*TARGET.words, *reserved, *self.spelled.values()])
        self.made: set[str] = set()
        self.declared: set[str] = set()

    # -- names ----------------------------------------------------------------------------

    def _letter(self, leaf: Node) -> Letter:
        """What a leaf of a formula stands for."""
        assert isinstance(leaf.static, Input)
        node = self.code.formulas.letters[int(leaf.static.base)]
        if node in self.code.names:
            return self._variable(node)
        name = self.code.gradients[node]
        shape = self.code.formulas.own[leaf] if name != self.code.seed else self.shapes[self.code.program.output]
        return self._pointed(name, shape)

    def _variable(self, node: Node) -> Letter:
        """An input or a stage."""
        name, shape = self.code.names[node], self.shapes[node]
        if isinstance(node.static, Input) and node.static.places:
            return Letter(f"{self.spelled[node.static.base]}[{self._place(node.static)}]", ())
        return Letter(self.spelled[name], shape)

    def _place(self, element: Input) -> int:
        if len(element.places) > 1:
            message = f"c has no place for {element}, as the shape of {element.base} is not known"
            raise UsageMistake(message, hint="--target numpy reads it from the array")
        return element.places[0]

    def _gradient(self, node: Node) -> Letter:
        """Where the gradient of a node is added up."""
        if isinstance(node.static, Input) and node.static.places:
            name = self.code.gradient_of[node.static.base]
            return Letter(f"{self.spelled[name]}[{self._place(node.static)}]", ())
        name = self.code.gradients[node]
        shape = self.shapes[node]
        formulas = self.code.formulas
        number = formulas.numbers.get(self.placeholder.get(name, node))
        leaf = formulas.graph.elements.get(Input(str(number)))
        return self._pointed(name, formulas.own[leaf] if leaf is not None and node.gate is not INPUT else shape)

    def _pointed(self, name: str, shape: Shape) -> Letter:
        """A gradient; that of a number that is an input stands behind a pointer."""
        behind = not shape and name in {self.code.gradient_of[wanted] for wanted in self.code.wanted}
        return Letter(f"(*{self.spelled[name]})" if behind else self.spelled[name], shape)

    def result(self) -> str:
        """The value of a program whose output is one number."""
        letter = self._variable(self.code.program.output)
        return f"{letter.name}[0]" if letter.shape else letter.name

    # -- lines ----------------------------------------------------------------------------

    def forward(self) -> Iterator[str]:
        """The loops of the forward pass, each under what it computes."""
        output = self.code.program.output
        for line, (rule, _) in self.code.stages:
            letter = self._variable(line)
            yield f"// {self._told(line)}"
            if line is not output or not self.code.seed:
                yield from self._declaration(letter)
            yield from self.loops.assign(letter, rule, "=", self.shapes[line])

    def _told(self, line: Node) -> str:
        text = text_of(line, lambda node: self.code.names.get(node) if node is not line else None)
        return f"{self.code.names[line]} = {text}  {written(self.shapes[line])}".encode("ascii", "replace").decode()

    def _declaration(self, letter: Letter) -> list[str]:
        if letter.name in self.declared or not letter.name.isidentifier():
            return []
        self.declared.add(letter.name)
        size = prod(int(one) for one in letter.shape)
        return [f"double {letter.name}[{size}];"] if letter.shape else [f"double {letter.name};"]

    def backward(self) -> Iterator[str]:
        """The groups of the backward pass, each under its header."""
        for name in self.code.wanted:
            self.declared.add(self.spelled[self.code.gradient_of[name]])
        yield from self._untouched()
        for line, sent in self.code.groups:
            yield f"// backprop {self._told(line)}"
            for one in sent:
                yield from self._assignment(one)

    def _untouched(self) -> Iterator[str]:
        """Zeros for what receives nothing."""
        touched = {sent.to for _, group in self.code.groups for sent in group}
        for leaf in self.code.program.inputs:
            if base_of(leaf) in self.code.wanted and leaf not in touched:
                yield from self._zeros(self._gradient(leaf))

    def _zeros(self, letter: Letter) -> list[str]:
        size = prod(int(one) for one in letter.shape)
        if not letter.shape:
            return [f"{letter.name} = 0.0;"]
        i = self.loops.free("i")
        self.loops.taken.discard(i)
        return [f"for (int {i} = 0; {i} < {size}; {i}++) {letter.name}[{i}] = 0.0;"]

    def _assignment(self, sent: Sent) -> Iterator[str]:
        letter = self._gradient(sent.to)
        yield from self._declaration(letter)
        if sent.entry is None:
            yield from self.loops.assign(letter, sent.term.node, "=" if sent.first else "+=")
            return
        if sent.first:
            yield from self._zeros(letter)
        picks = [pick.rule for pick in sent.entry.picks]
        places = self.loops.places(sent.entry.places, picks, letter.shape)
        shape = indexed(letter.shape, sent.entry.places, [self.loops.shape(pick) for pick in picks])
        yield from self.loops.add(letter, places, shape, sent.term.node)

    # -- around them ----------------------------------------------------------------------

    def parameters(self) -> Iterator[str]:
        """The parameters of the function."""
        whole = {base_of(leaf): self.shapes[leaf] for leaf in self.code.program.inputs}
        pointers = {base_of(leaf) for leaf in self.code.program.inputs if leaf.static.places}  # type: ignore[union-attr]
        for name in self.code.variables:
            array = whole.get(name) or name in pointers
            yield f"const double *{self.spelled[name]}" if array else f"double {self.spelled[name]}"
        if self.code.seed:
            yield f"const double *{self.spelled[self.code.seed]}"
            yield f"double *{self._variable(self.code.program.output).name}"
        for name in self.code.wanted:
            yield f"double *{self.spelled[self.code.gradient_of[name]]}"

    def sentences(self) -> Iterator[str]:
        """The comment above the function."""
        code, output = self.code, self.code.program.output
        yield f"Value and gradient of {self._variable(output).name} by staged backpropagation."
        yield ""
        yield "Arrays lie row by row, and gradients have the shapes of their variables:"
        for leaf in code.program.inputs:
            if not leaf.static.places and self.shapes[leaf]:  # type: ignore[union-attr]
                kind = ", whole numbers" if base_of(leaf) in code.whole else ""
                yield f"{self.spelled[base_of(leaf)]} {written(self.shapes[leaf])}{kind}"
        if code.seed:
            seed = f"{self.spelled[code.seed]} {written(self.shapes[output])}"
            yield f"{seed}: the gradient that arrives from above"

    def functions(self) -> Iterator[list[str]]:
        """The small functions that the code calls, each behind those that it calls itself."""
        done: set[str] = set()
        for name in list(self.loops.used):
            yield from self._function(name, done)

    def _function(self, name: str, done: set[str]) -> Iterator[list[str]]:
        gate = GATES.get(name)
        built = gate is not None and (name in DIALECT.forms or operator_of(gate) or name in ("neg", "copy"))
        if name in done or built or name in EXTRA:
            return
        done.add(name)
        if name in FUNCTIONS:
            yield from chain.from_iterable(self._function(inner, done) for inner in NEEDS.get(name, []))
            yield FUNCTIONS[name].split("\n")
            return
        assert gate is not None
        rule = formula(gate.stable or gate.means)
        waiting = [rule]
        while waiting:
            inner = waiting.pop()
            if inner.operands:
                yield from self._function(inner.gate.name, done)
                waiting.extend(inner.operands)
        text = text_of(rule, lambda node: None, DIALECT)
        yield TARGET.function(name, list(parameters(gate)), text)
