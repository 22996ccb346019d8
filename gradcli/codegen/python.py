"""Python: floats, lists and the math module."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps

from gradcli.codegen import header, pythonic
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import SMALLEST, STEP, TOLERANCE, checked, value_of
from gradcli.codegen.target import Options, Target, nested_element
from gradcli.tokens import BINDING
from gradcli.words import PYTHON

FUNCTIONS = """exp expm1 log log1p log2 log10 sqrt cbrt sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
    erf erfc""".split()  # noqa: SIM905  read once
FORMS = {
    **{name: f"math.{name}(x)" for name in FUNCTIONS},
    **pythonic.CHOICES,
    "atan2": "math.atan2(y, x)",
    "hypot": "math.hypot(a, b)",
    "pow": "math.pow(a, b)",
    "abs": "abs(x)",
    "max": "max(a, b, ...)",
    "min": "min(a, b, ...)",
}
DIALECT = pythonic.floats("math.inf")._replace(
    forms=FORMS,
    constants={"pi": "math.pi", "e": "math.e"},
    conditions=pythonic.CONDITIONS,
    form=pythonic.whole_power,
)
NOTES = DIALECT._replace(bindings={"pow": BINDING["*"]})  # the note's (-1.0 / (den**2))
# math.floor and math.ceil give an int, which has no -0.0
HELPERS = {name: pythonic.function(name, ["x"], f"math.copysign(math.{name}(x), x)") for name in ("floor", "ceil")}


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a function, a script or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    functions = list(writer.functions())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    body = list(
        _script(code, options, forward, backward)
        if options.form == "script"
        else _function(writer, options, forward, backward)
    )
    whole = [line for function in functions for line in (*function, "", "")]
    if any("math." in line for line in [*whole, *body]):
        yield from ["import math", ""] + ([""] if whole or options.form == "function" else [])
    yield from [*whole, *body]


def _function(writer: Writer, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    code = writer.code
    yield f"def {options.name}({', '.join(variable.spelled for variable in code.variables)}):"
    yield from pythonic.docstring([*header.sentences(writer, "by staged backpropagation."), *_usage(code)])
    yield from pythonic.indented(["# forward pass", *forward, "", "# backward pass", *backward, ""])
    yield f"{pythonic.INDENT}return {code.output}, {_dictionary(code)}"


def _usage(code: Code) -> Iterator[str]:
    yield "Where f or its gradient is not finite, Python may raise ZeroDivisionError, OverflowError or ValueError."


def _dictionary(code: Code) -> str:
    entries = (f"{dumps(variable.name, ensure_ascii=False)}: {variable.gradient}" for variable in code.wanted)
    return f"{{{', '.join(entries)}}}"


def _script(code: Code, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    for variable in code.variables:
        yield f"{variable.spelled} = {pythonic.literal(value_of(variable, options))}"
    yield from ["", "# forward pass", *forward, "", "# backward pass", *backward]
    if options.style == "plain":
        shown = [code.output, *(variable.gradient for variable in code.wanted)]
        yield from ["", *(f'print("{name} =", {name})' for name in shown)]
    if options.selfcheck:
        yield from ["", "", *_selfcheck(code, forward)]


AGREES = f'''def agrees(name, gradient, at, moved):
    """Whether a gradient agrees with centred differences, by the relative error."""
    step = {STEP} * max(1.0, abs(at))
    numeric = (moved(step) - moved(-step)) / (2.0 * step)
    error = abs(gradient - numeric) / max(abs(gradient), abs(numeric), {SMALLEST} * max(1.0, abs(moved(0.0))))
    print(f"{{name}} = {{gradient}}, by differences {{numeric}}, relative error {{error:.1e}}")
    return error < {TOLERANCE}'''.split("\n")
MOVED = '''\
def moved(values, places, step):
    """Nested lists with one number moved by a step."""
    place, *rest = places
    inner = moved(values[place], rest, step) if rest else values[place] + step
    return [*values[:place], inner, *values[place + 1 :]]'''


def _selfcheck(code: Code, forward: list[str]) -> Iterator[str]:
    """The forward pass as a function, moved in each direction."""
    names = [variable.spelled for variable in code.variables]
    yield f"def forward({', '.join(names)}):"
    yield from pythonic.indented([*forward, f"return {code.output}", "", ""])
    yield from [*AGREES, "", ""]
    if any(variable.shape for variable in code.wanted):
        yield from [*MOVED.split("\n"), "", ""]
    yield "results = ["
    for variable, places in checked(code):
        at, gradient = (nested_element(name, places, ()) for name in (variable.spelled, variable.gradient))
        moved = f"moved({variable.spelled}, {places}, step)" if places else f"{variable.spelled} + step"
        moves = ", ".join(moved if name == variable.spelled else name for name in names)
        yield f'    agrees("{gradient}", {gradient}, {at}, lambda step: forward({moves})),'
    yield "]"
    yield "raise SystemExit(0 if all(results) else 1)"


def _zeros(variable: Variable, untouched: object) -> list[str]:
    return [f"{variable.gradient} = {pythonic.zeros(variable.shape)}"]


TARGET = Target(
    name="python",
    dialect=DIALECT,
    notes=NOTES,
    words=PYTHON,
    comment=pythonic.comment,
    assign=pythonic.assign,
    function=pythonic.function,
    frame=frame,
    guarded=False,
    pairs=False,
    lists=True,
    helpers=HELPERS,
    zeros=_zeros,
)
