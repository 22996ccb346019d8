"""LaTeX: the staged forward and backward pass as aligned equations."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.codegen import header
from gradcli.codegen.code import Code
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import value_of
from gradcli.codegen.target import Options, Target
from gradcli.naming import names_of
from gradcli.printer import Dialect

SIGNS = {"lt": "<", "le": r"\le", "gt": ">", "ge": r"\ge", "eq": "=", "ne": r"\ne"}
COMPARED = {name: f"a {sign} b" for name, sign in SIGNS.items()}
NAMED = ["sin", "cos", "tan", "sinh", "cosh", "tanh"]
WORDS = """expm1 log1p asin acos atan asinh acosh atanh erf erfc sign leaky_relu softplus silu gelu relu""".split()  # noqa: SIM905  read once
FORMS = {
    **{name: rf"\{name}\left(x\right)" for name in NAMED},
    **{name: rf"\operatorname{{{name.replace('_', ' ')}}}\left(x\right)" for name in WORDS},
    **{name: rf"\mathbf{{1}}\left({form}\right)" for name, form in COMPARED.items()},
    "mul": r"a \cdot b",
    "div": r"\frac{a}{b}",
    "pow": "a^{b}",
    "square": "x^{2}",
    "exp": r"\exp\left(x\right)",
    "log": r"\ln\left(x\right)",
    "log2": r"\log_{2}\left(x\right)",
    "log10": r"\log_{10}\left(x\right)",
    "sqrt": r"\sqrt{x}",
    "cbrt": r"\sqrt[3]{x}",
    "abs": r"\left|x\right|",
    "floor": r"\left\lfloor x\right\rfloor",
    "ceil": r"\left\lceil x\right\rceil",
    "hypot": r"\operatorname{hypot}\left(a, b\right)",
    "atan2": r"\operatorname{atan2}\left(y, x\right)",
    "max": r"\max\left(a, b, ...\right)",
    "min": r"\min\left(a, b, ...\right)",
    "sigmoid": r"\sigma\left(x\right)",
    "where": r"\begin{cases} a & \text{if } cond \\ b & \text{otherwise} \end{cases}",
}
LETTERS = frozenset(
    """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi
    omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega""".split()  # noqa: SIM905
)


def _number(written: str) -> str:
    """A number, with a power of ten for an exponent."""
    digits, _, exponent = written.lower().partition("e")
    return rf"{digits} \cdot 10^{{{int(exponent)}}}" if exponent else digits


DIALECT = Dialect(
    forms=FORMS,
    number=_number,
    constants={"pi": r"\pi", "e": r"\mathrm{e}"},
    conditions={**COMPARED, "mul": r"a \text{ and } b", "add": r"a \text{ or } b", "": r"a \ne 0"},
)


def symbol(name: str) -> str:
    r"""A name as mathematics: x, \lambda, \mathit{sigy}."""
    plain = name.replace("_", r"\_")
    if name in LETTERS:
        return f"\\{name}"
    return plain if len(name) == 1 else rf"\mathit{{{plain}}}"


def frame(code: Code, options: Options) -> Iterator[str]:
    """Two aligned blocks; a script is a whole document; bare lines are equations."""
    writer = Writer(_with_symbols(code))
    forward, backward = list(_forward(writer)), list(_backward(writer))
    if options.form == "lines":
        yield from [line + r" \\" for line in [*forward, *backward]]
        return
    yield from (f"% {line}".rstrip() for line in header.sentences(Writer(code), "staged; ∂f/∂x by backpropagation."))
    if options.form == "script":
        yield from [r"\documentclass{article}", r"\usepackage{amsmath}", r"\begin{document}"]
        given = [f"{symbol(variable.spelled)} = {value_of(variable, options)}" for variable in code.variables]
        yield from [f"At ${', '.join(given)}$:"] if options.point else []
    yield from _block(forward)
    if backward:
        yield from _block(backward)
    if options.form == "script":
        yield r"\end{document}"


def _block(lines: list[str]) -> Iterator[str]:
    yield r"\begin{align}"
    for place, line in enumerate(lines):
        yield f"  {line}" + (r" \\" if place < len(lines) - 1 else "")
    yield r"\end{align}"


def _forward(writer: Writer) -> Iterator[str]:
    for number, line in writer.code.stages:
        yield rf"{writer.names[line]} &= {writer.value(line)} \tag{{{number}}}"


def _backward(writer: Writer) -> Iterator[str]:
    for group in writer.code.groups:
        for assignment in group.assignments:
            sign = r"\mathrel{+}=" if assignment.accumulates else "="
            name = writer.names[assignment.target]
            yield rf"{name} &{sign} {writer.contribution(assignment)} \tag{{{group.number}}}"


def _with_symbols(code: Code) -> Code:
    """The same code with names as mathematics."""
    plain = names_of(code.program)
    output = symbol(code.output)
    names = {node: _element(name) for node, name in code.names.items()}
    for node, gradient in code.gradients.items():
        if gradient in names and node in plain.of:
            names[gradient] = rf"\frac{{\partial {output}}}{{\partial {names[node]}}}"
    return code._replace(names=names)


def _element(name: str) -> str:
    r"""w[0] as w_{0}."""
    base, bracket, places = name.partition("[")
    return symbol(base) + (f"_{{{places[:-1]}}}" if bracket else "")


TARGET = Target(
    name="latex",
    dialect=DIALECT,
    words=frozenset(),
    greek=False,
    guarded=False,
    pairs=False,
    comment=lambda text: f"% {text}",
    assign=lambda line: f"{line.name} &= {line.value}",
    function=lambda name, letters, value: [],
    frame=frame,
    element=lambda name, places, shape: f"{name}[{', '.join(map(str, places))}]",
    selfcheck=False,
)
