"""LaTeX for programs whose shapes are known: matrix calculus, staged forward and backward."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.array_gates import Hole, Slice
from gradcli.array_local import Entry, settings_of
from gradcli.codegen.array_code import ArrayCode, Sent
from gradcli.codegen.latex import DIALECT as SCALARS
from gradcli.codegen.latex import TARGET, symbol
from gradcli.codegen.target import Options, spelling
from gradcli.dimensions import Shape
from gradcli.gates import parameters
from gradcli.graph import Input, Node
from gradcli.local import Expression
from gradcli.printer import operand_text

TOP = r"^{\top}"
LOSS = r"\mathcal{L}"
TIGHT = ("transpose", "mT", "inv", "sum", "mean", "exp", "softmax", "relu")  # printed closed in themselves
CHOICE = r"\begin{cases} a & \text{if } chosen \\ b & \text{otherwise} \end{cases}"
FORMS = {
    "whole": "x",
    "same": "a = b",
    "choose": CHOICE,
    "trace": r"\operatorname{tr}\left(A\right)",
    "det": r"\det\left(A\right)",
    "on_diagonal": r"g \, I",
    "arange": r"\left(0, 1, \dots, n - 1\right)",
    "shape": r"\operatorname{shape}\left(A\right)",
    "reshape_as": r"\operatorname{reshape}\left(G\right)",
    "spread_to": r"\operatorname{broadcast}\left(G\right)",
}
CLOSED = {  # what a reduction or function along axes is called
    "sum": r"\sum",
    "prod": r"\prod",
    "amax": r"\max",
    "amin": r"\min",
    "log_softmax": r"\operatorname{log\,softmax}",
    "sums_from": r"\operatorname{reversed\,cumsum}",
}


def array_frame(code: ArrayCode, options: Options) -> Iterator[str]:
    """Two aligned blocks; a script is a whole document; bare lines are equations."""
    writer = _Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [line + r" \\" for line in [*forward, *backward]]
        return
    yield f"% {code.names[code.program.output]} and its gradients, staged; \\odot, quotients, functions: by entries"
    if options.form == "script":
        yield from [r"\documentclass{article}", r"\usepackage{amsmath}", r"\begin{document}"]
    for lines in filter(None, (forward, backward)):
        yield from [r"\begin{align}", *(f"  {line} \\\\" for line in lines[:-1]), f"  {lines[-1]}", r"\end{align}"]
    if options.form == "script":
        yield r"\end{document}"


class _Writer:
    """Spells one program."""

    def __init__(self, code: ArrayCode) -> None:
        self.code = code
        self.shapes = code.program.shapes
        self.own = code.formulas.own
        self.numbers = {line: number for number, (line, _) in enumerate(code.stages, 1)}
        plain = [name.partition("[")[0] for name in code.names.values()]
        self.spelled = spelling(dict.fromkeys(plain), TARGET)
        self.names = {node: self._symbol(name) for node, name in code.names.items()}
        by_gradient = {code.gradients[node]: node for node in code.names}
        top = LOSS if code.seed else self.names[code.program.output]
        self.of = {
            node: rf"\frac{{\partial {top}}}{{\partial {self.names[by_gradient[name]]}}}"
            for node, name in code.gradients.items()
            if name in by_gradient
        }
        self.letters: list[Node] = []

    def _symbol(self, name: str) -> str:
        base, bracket, places = name.partition("[")
        return symbol(self.spelled[base]) + (f"_{{{places[:-1]}}}" if bracket else "")

    # -- lines ----------------------------------------------------------------------------

    def forward(self) -> Iterator[str]:
        """The equations of the forward pass, each with its shape."""
        for line, value in self.code.stages:
            shape = self.shapes[line]
            about = f" && {_size(shape)}" if shape else ""
            yield rf"{self.names[line]} &= {self.text(value)}{about} \tag{{{self.numbers[line]}}}"

    def backward(self) -> Iterator[str]:
        """The contributions to the gradients, each with the number of the stage that sends it."""
        begun: set[Node] = set()
        for line, sent in self.code.groups:
            tag = rf" \tag{{{self.numbers[line]}}}"
            for one in sent:
                if one.entry is not None and one.to not in begun and one.first:
                    yield rf"{self.of[one.to]} &= 0 && {_size(self.shapes[one.to])}{tag}"
                begun.add(one.to)
                yield self._contribution(one) + tag

    def _contribution(self, sent: Sent) -> str:
        value = self.text(self.code.formulas.expression(sent.term))
        name, shape = self.of[sent.to], self.shapes[sent.to]
        sign = "=" if sent.first else r"\mathrel{+}="
        if sent.entry is not None:
            return rf"\left({name}\right)_{{{self._places(sent.entry)}}} &\mathrel{{+}}= {value}"
        if sent.whole:
            value = rf"\operatorname{{broadcast}}_{{{_size(shape)}}}\left({value}\right)"
        return f"{name} &{sign} {value}" + (f" && {_size(shape)}" if shape else "")

    def _places(self, entry: Entry) -> str:
        return ", ".join(
            self.text(entry.picks[part.place - 1]) if isinstance(part, Hole) else _place(part) for part in entry.places
        )

    # -- expressions ----------------------------------------------------------------------

    def text(self, expression: Expression) -> str:
        """An expression."""
        rule, self.letters = expression
        return operand_text(rule, self._name, SCALARS._replace(forms={**SCALARS.forms, **FORMS}, form=self._form))

    def _name(self, node: Node) -> str | None:
        if not isinstance(node.static, Input):
            return None
        letter = self.letters[int(node.static.base)]
        return self.names.get(letter) or self.of[letter]

    def _form(self, node: Node, name: object) -> str | None:
        """The form where it depends on the operands or on static parameters."""
        gate = node.gate.name
        if gate in ("mul", "pow", "square"):
            return self._by_entry(node)
        if gate in ("matmul", "bmm", "matvec", "vecmat", "dot", "outer", "solve", "solve_vector"):
            return self._product(node)
        if gate in ("transpose", "mT", "inv"):
            raised = "^{-1}" if gate == "inv" else TOP
            return (r"\left(A\right)" if self._is_gradient(node.operands[0]) else "A") + raised
        if gate in ("index", "pick", "pick2"):
            places = settings_of(node)["index"]
            written = ["ij"[part.place - 1] if isinstance(part, Hole) else _place(part) for part in places]
            return f"A{{}}_{{{', '.join(written)}}}"
        return self._along(node) if node.operands and node.static is not None and gate not in FORMS else None

    def _by_entry(self, node: Node) -> str:
        """Products and powers: of numbers, or entry by entry."""
        first, last = node.operands[0], node.operands[-1]
        if node.gate.name == "mul":
            return r"a \cdot b" if self._is_number(first) or self._is_number(last) else r"a \odot b"
        letters = ("a", "b") if node.gate.name == "pow" else ("x", "2")
        base = rf"\left({letters[0]}\right)" if self._is_gradient(first) else letters[0]
        circle = "" if self._is_number(first) else r"\circ "
        return f"{base}^{{{circle}{letters[1]}}}"

    def _product(self, node: Node) -> str:
        """Products of matrices and vectors, by juxtaposition."""
        first, second = (
            letter if not operand.operands or operand.gate.name in TIGHT else rf"\left({letter}\right)"
            for letter, operand in zip(_letters(node), node.operands, strict=True)
        )
        if node.gate.name in ("dot", "vecmat"):
            base = rf"\left({_letters(node)[0]}\right)" if self._is_compound(node.operands[0]) else first
            return f"{base}{TOP} {second}"
        if node.gate.name == "outer":
            base = rf"\left({_letters(node)[1]}\right)" if self._is_compound(node.operands[1]) else second
            return f"{first} {base}{TOP}"
        return f"{first}^{{-1}} {second}" if node.gate.name.startswith("solve") else f"{first} {second}"

    def _along(self, node: Node) -> str:
        """A function along axes, with what else it is told below it."""
        settings = settings_of(node)
        gate = node.gate.name
        told = []
        if settings.get("axis") is not None:
            told.append(rf"\text{{axis }}{_place(settings['axis'])}")
        told += [rf"\text{{ddof }}{settings['ddof']}"] if settings.get("ddof") else []
        for name in ("axes", "shape"):
            if isinstance(settings.get(name), tuple) and all(isinstance(size, int) for size in settings[name]):
                told.append(_size(settings[name]) if name == "shape" else f"({', '.join(map(str, settings[name]))})")
        below = f"_{{{', '.join(told)}}}" if told else ""
        if gate in ("concatenate", "stack"):
            return rf"\left[a, b, ...\right]{below}"
        called = CLOSED.get(gate) or rf"\operatorname{{{gate.replace('_', ' ')}}}"
        return rf"{called}{below}\left({_letters(node)[0]}\right)"

    def _is_number(self, node: Node) -> bool:
        """Whether a value is known to be a number, not an array."""
        if isinstance(node.static, Input):
            letter = self.letters[int(node.static.base)]
            return (self.own[node] if node in self.own else self.shapes[letter]) == ()
        if not node.operands or node.gate.name in ("extent", "dot", "trace", "det"):
            return True
        if node.static is not None:
            settings = settings_of(node)
            return "keepdims" in settings and settings["axis"] is None and not settings["keepdims"]
        return node.gate.name not in ("whole", "matmul") and all(map(self._is_number, node.operands))

    def _is_gradient(self, node: Node) -> bool:
        return isinstance(node.static, Input) and self.letters[int(node.static.base)] not in self.names

    def _is_compound(self, node: Node) -> bool:
        return bool(node.operands) or self._is_gradient(node)


def _letters(node: Node) -> tuple[str, ...]:
    return parameters(node.gate)


def _size(shape: Shape) -> str:
    r"""A shape as mathematics: 5 \times 3."""
    return r" \times ".join(symbol(str(size)) if str(size).isidentifier() else str(size) for size in shape)


def _place(part: object) -> str:
    """An entry of an index: a number, a slice, all."""
    if isinstance(part, Slice):
        bounds = ["" if bound is None else str(bound) for bound in part]
        return "{:}".join(bounds if bounds[2] else bounds[:2])
    if isinstance(part, tuple):
        return f"({', '.join(map(str, part))})"
    return r"\dots" if part is Ellipsis else r"\text{new}" if part is None else str(part)
