"""JavaScript: an ES module of numbers and arrays, with JSDoc types."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps
from math import isfinite

from gradcli.codegen import braces, header
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import SMALLEST, STEP, TOLERANCE, checked, value_of
from gradcli.codegen.target import Guards, Line, Options, Target, nested_element
from gradcli.exact import is_whole_power
from gradcli.graph import Node
from gradcli.printer import Dialect, Name
from gradcli.tokens import BINDING
from gradcli.words import JAVASCRIPT

FUNCTIONS = """exp expm1 log log1p log2 log10 cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    floor ceil abs sign""".split()  # noqa: SIM905  read once
FORMS = {
    **{name: f"Math.{name}(x)" for name in FUNCTIONS},
    **braces.CHOICES,
    "eq": "(a === b ? 1.0 : 0.0)",
    "ne": "(a !== b ? 1.0 : 0.0)",
    "sqrt": "Math.sqrt(x + 0.0)",  # the root of -0.0 is to be 0.0
    "pow": "pow(a, b)",
    "atan2": "Math.atan2(y, x)",
    "hypot": "Math.hypot(a, b)",
    "max": "Math.max(a, b, ...)",
    "min": "Math.min(a, b, ...)",
}


def _number(written: str) -> str:
    return written if isfinite(float(written)) else "Infinity"


def _whole_power(node: Node, name: Name) -> str | None:
    return "a ** b" if is_whole_power(node) else None


# 1 ** Infinity is NaN there, and 1 in IEEE 754
POWER = ["function pow(a, b) {", "    return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;", "}"]
NAN = {"eq itself": "!Number.isNaN(a)", "ne itself": "Number.isNaN(a)"}
DIALECT = Dialect(
    forms=FORMS,
    number=_number,
    constants={"pi": "Math.PI", "e": "Math.E"},
    bindings={"pow": BINDING["*"]},  # -x ** 2 is an error there
    form=_whole_power,
    conditions={**braces.CONDITIONS, "eq": "a === b", "ne": "a !== b", "": "a !== 0", **NAN},
)


def _assign(line: Line) -> str:
    makes = ("let " if line.changes else "const ") if line.makes else ""
    return f"{makes}{line.name} {'+=' if line.accumulates else '='} {line.value};"


def _function(name: str, letters: list[str], value: str, guards: Guards = ()) -> list[str]:
    return [f"function {name}({', '.join(letters)}) {{", *braces.body(value, guards)]


def _zeros(variable: Variable, untouched: object) -> list[str]:
    text = f"new Array({variable.shape[-1]}).fill(0.0)"
    for size in reversed(variable.shape[:-1]):
        text = f"Array.from({{ length: {size} }}, () => {text})"
    return [f"const {variable.gradient} = {text};"]


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a module, a program or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    for function in writer.functions():
        yield from [*function, ""]
    yield from _comment(writer, options)
    yield f"export function {options.name}({', '.join(variable.spelled for variable in code.variables)}) {{"
    body = ["// forward pass", *forward, "", "// backward pass", *backward, "", f"return {_result(code)};"]
    yield from braces.indented(body)
    yield "}"
    if options.form == "script":
        yield from ["", *_main(code, options)]


def _comment(writer: Writer, options: Options) -> Iterator[str]:
    code = writer.code
    yield "/**"
    for line in header.sentences(writer, "by staged backpropagation."):
        yield f" * {line}".rstrip()
    for variable in code.variables:
        yield f" * @param {{{_type(variable)}}} {variable.spelled}"
    fields = [f"{code.output}: number", *(f"{_key(variable)}: {_type(variable)}" for variable in code.wanted)]
    yield f" * @returns {{{{ {', '.join(fields)} }}}}"
    yield " */"


def _type(variable: Variable) -> str:
    return "number" + "[]" * len(variable.shape)


def _key(variable: Variable) -> str:
    """The name of a gradient in the result: d and the user's name, as far as it can be had."""
    return variable.gradient


def _result(code: Code) -> str:
    return f"{{ {', '.join([code.output, *(variable.gradient for variable in code.wanted)])} }}"


def _main(code: Code, options: Options) -> Iterator[str]:
    for variable in code.variables:
        yield f"const {variable.spelled} = {dumps(value_of(variable, options))};"
    call = f"{options.name}({', '.join(variable.spelled for variable in code.variables)})"
    yield f"console.log({call});"
    if options.selfcheck:
        yield from _selfcheck(code, options)


AGREES = f"""
/** Whether a gradient agrees with centred differences, by the relative error. */
function agrees(name, gradient, at, moved) {{
    const step = {STEP} * Math.max(1, Math.abs(at));
    const numeric = (moved(step) - moved(-step)) / (2 * step);
    const scale = Math.max(Math.abs(gradient), Math.abs(numeric), {SMALLEST} * Math.max(1, Math.abs(moved(0))));
    const error = Math.abs(gradient - numeric) / scale;
    console.log(`${{name}} = ${{gradient}}, by differences ${{numeric}}, relative error ${{error.toExponential(1)}}`);
    return error < {TOLERANCE};
}}

/** Nested arrays with one number moved by a step. */
function moved(values, [place, ...rest], step) {{
    return values.with(place, rest.length ? moved(values[place], rest, step) : values[place] + step);
}}
""".split("\n")


def _selfcheck(code: Code, options: Options) -> Iterator[str]:
    """Each input moved in both directions."""
    yield from AGREES
    names = [variable.spelled for variable in code.variables]
    yield f"const raised = {options.name}({', '.join(names)});"
    yield "const results = ["
    for variable, places in checked(code):
        at, gradient = (nested_element(name, places, ()) for name in (variable.spelled, variable.gradient))
        moved = f"moved({variable.spelled}, {list(places)}, step)" if places else f"{variable.spelled} + step"
        moves = ", ".join(moved if name == variable.spelled else name for name in names)
        call = f"(step) => {options.name}({moves}).{code.output}"
        yield f'    agrees("{gradient}", raised.{gradient}, {at}, {call}),'
    yield "];"
    yield "process.exitCode = results.every(Boolean) ? 0 : 1;"


TARGET = Target(
    name="javascript",
    dialect=DIALECT,
    words=JAVASCRIPT,
    called="valueAndGradient",
    quick=True,
    pairs=False,
    comment=braces.comment,
    assign=_assign,
    function=_function,
    early=_function,
    frame=frame,
    lists=True,
    zeros=_zeros,
    helpers={"pow": POWER},
)
