"""C99: doubles and math.h, no allocation."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from gradcli.codegen import braces, header
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import SMALLEST, STEP, TOLERANCE, flat, value_of
from gradcli.codegen.target import Guards, Line, Options, Target
from gradcli.exact import digits_of
from gradcli.graph import Node
from gradcli.printer import Dialect, Name
from gradcli.words import C

FUNCTIONS = """exp expm1 log log1p log2 log10 cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    erf erfc floor ceil""".split()  # noqa: SIM905  read once
FORMS = {
    **{name: f"{name}(x)" for name in FUNCTIONS},
    **braces.CHOICES,
    "sqrt": "sqrt(x + 0.0)",  # the root of -0.0 is to be 0.0
    "atan2": "atan2(y, x)",
    "hypot": "hypot(a, b)",
    "pow": "pow(a, b)",
    "abs": "fabs(x)",
}
PRODUCTS = {"2": "a * a", "3": "a * a * a", "4": "a * a * a * a"}  # pow takes twenty times as long
MOST_LINES = 8  # of zeros; more are a loop


def _product(node: Node, name: Name) -> str | None:
    """A small power of something that has a name, as a product."""
    if node.gate.name != "pow" or name(node.operands[0]) is None:
        return None
    return PRODUCTS.get(digits_of(node.operands[1]))


def _number(written: str) -> str:
    return braces.number(written, "INFINITY")


DIALECT = Dialect(
    forms=FORMS,
    number=_number,
    constants={"pi": "3.141592653589793", "e": "2.718281828459045"},
    conditions={**braces.CONDITIONS, "": "a != 0.0", "eq itself": "!isnan(a)", "ne itself": "isnan(a)"},
    form=_product,
)


def _assign(line: Line) -> str:
    return f"{'double ' if line.makes else ''}{line.name} {'+=' if line.accumulates else '='} {line.value};"


def _element(name: str, places: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """An element of an array that lies row by row."""
    flat_place = 0
    for place, size in zip(places, shape, strict=True):
        flat_place = flat_place * size + place
    return f"{name}[{flat_place}]"


def _function(name: str, letters: list[str], value: str, guards: Guards = ()) -> list[str]:
    parameters = ", ".join(f"double {letter}" for letter in letters)
    return [f"static double {name}({parameters})", "{", *braces.body(value, guards)]


def _zeros(variable: Variable, untouched: list[tuple[int, ...]]) -> list[str]:
    """The elements that receive nothing, or all of them if they are many."""
    if len(untouched) <= MOST_LINES:
        return [f"{_element(variable.gradient, places, variable.shape)} = 0.0;" for places in untouched]
    return [f"for (int i = 0; i < {prod(variable.shape)}; i++) {variable.gradient}[i] = 0.0;"]


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a function, a program or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    script = list(_main(code, options)) if options.form == "script" else []
    yield from ["#include <math.h>", *(["#include <stdio.h>"] if script else []), ""]
    for function in writer.functions():
        yield from [*function, ""]
    yield from map(braces.comment, [*header.sentences(writer, "by staged backpropagation."), *_arrays(code)])
    yield f"double {options.name}({', '.join(_parameters(code)) or 'void'})"
    yield "{"
    unused = [f"(void){variable.spelled};" for variable in code.variables if not variable.used]
    stored = [f"*{variable.gradient} = {variable.sum};" for variable in code.wanted if not variable.shape]
    body = [*unused, "// forward pass", *forward, "", "// backward pass", *backward, "", *stored]
    yield from braces.indented([*body, f"return {code.output};"])
    yield "}"
    yield from script


def _parameters(code: Code) -> Iterator[str]:
    for variable in code.variables:
        yield f"const double *{variable.spelled}" if variable.shape else f"double {variable.spelled}"
    for variable in code.wanted:
        yield f"double *{variable.gradient}"


def _arrays(code: Code) -> Iterator[str]:
    arrays = [variable for variable in code.variables if variable.shape]
    if arrays:
        yield f"Arrays, row by row: {', '.join(map(header.size, arrays))}, and their gradients."


def _main(code: Code, options: Options) -> Iterator[str]:
    yield from [*(AGREES if options.selfcheck else []), "", "int main(void)", "{"]
    yield from braces.indented(_calls(code, options))
    yield "}"


def _calls(code: Code, options: Options) -> Iterator[str]:
    for variable in code.variables:
        value = value_of(variable, options)
        if variable.shape:
            yield f"double {variable.spelled}[] = {{{', '.join(map(_literal, flat(value)))}}};"
        else:
            yield f"double {variable.spelled} = {_literal(value)};"
    for variable in code.wanted:
        yield f"double {variable.gradient}{f'[{prod(variable.shape)}]' if variable.shape else ''};"
    gradients = [variable.gradient if variable.shape else f"&{variable.gradient}" for variable in code.wanted]
    call = f"{options.name}({', '.join([*(variable.spelled for variable in code.variables), *gradients])})"
    yield f"double {code.output} = {call};"
    yield f'printf("{code.output} = %.17g\\n", {code.output});'
    for variable in code.wanted:
        if variable.shape:
            yield f"for (int i = 0; i < {prod(variable.shape)}; i++)"
            yield f'{braces.INDENT}printf("{variable.gradient}[%d] = %.17g\\n", i, {variable.gradient}[i]);'
        else:
            yield f'printf("{variable.gradient} = %.17g\\n", {variable.gradient});'
    if options.selfcheck:
        yield from _selfcheck(code, options)
    else:
        yield "return 0;"


def _literal(value: float) -> str:
    if value != value:
        return "NAN"
    return f"{'-' if str(value)[0] == '-' else ''}{_number(repr(abs(value)))}"


AGREES = f"""
// Whether a gradient agrees with centred differences, by the relative error.
static int agrees(const char *name, int place, double gradient, double f, double raised, double lowered, double step)
{{
    double numeric = (raised - lowered) / (2.0 * step);
    double scale = fmax(fmax(fabs(gradient), fabs(numeric)), {SMALLEST} * fmax(1.0, fabs(f)));
    double error = fabs(gradient - numeric) / scale;
    printf("%s[%d] = %.17g, by differences %.17g, relative error %.1e\\n", name, place, gradient, numeric, error);
    return error < {TOLERANCE};
}}
""".split("\n")[:-1]


def _selfcheck(code: Code, options: Options) -> Iterator[str]:
    """Each input moved in both directions."""
    sizes = [prod(variable.shape) for variable in code.wanted]
    scratch = [f"scratch + {sum(sizes[:place])}" for place in range(len(sizes))]
    call = f"{options.name}({', '.join([*(variable.spelled for variable in code.variables), *scratch])})"
    yield f"double scratch[{sum(sizes) or 1}];"
    yield "int failures = 0;"
    for variable in code.wanted:
        entry, place = (f"{variable.spelled}[i]", "i") if variable.shape else (variable.spelled, "0")
        gradient = f"{variable.gradient}[i]" if variable.shape else variable.gradient
        yield f"for (int i = 0; i < {prod(variable.shape)}; i++) {{" if variable.shape else "{"
        yield from braces.indented(
            [
                f"double kept = {entry}, step = {STEP} * fmax(1.0, fabs(kept));",
                f"{entry} = kept + step;",
                f"double raised = {call};",
                f"{entry} = kept - step;",
                f"double lowered = {call};",
                f"{entry} = kept;",
                f'failures += !agrees("{variable.gradient}", {place}, {gradient}, {code.output}, raised, '
                "lowered, step);",
            ]
        )
        yield "}"
    yield "return failures > 0;"


TARGET = Target(
    name="c",
    dialect=DIALECT,
    words=C,
    greek=False,
    comment=braces.comment,
    assign=_assign,
    function=_function,
    early=_function,
    frame=frame,
    quick=True,
    behind="_",
    element=_element,
    zeros=_zeros,
)
