"""Python: floats, lists and the math module."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps

from gradcli.codegen import header, pythonic
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import value_of
from gradcli.codegen.target import Options, Target
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
    yield f"Where f or its gradient is not finite, Python may raise ZeroDivisionError, OverflowError or ValueError."


def _dictionary(code: Code) -> str:
    entries = (f"{dumps(variable.name, ensure_ascii=False)}: {variable.gradient}" for variable in code.wanted)
    return f"{{{', '.join(entries)}}}"


def _script(code: Code, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    for variable in code.variables:
        yield f"{variable.spelled} = {pythonic.literal(value_of(variable, options))}"
    yield from ["", "# forward pass", *forward, "", "# backward pass", *backward]


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
