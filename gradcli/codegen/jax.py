"""JAX: a function with a custom_vjp whose backward pass is written out."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.codegen import header, pythonic
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.numpy import CONDITIONS
from gradcli.codegen.numpy import FORMS as NUMPY_FORMS
from gradcli.codegen.numpy import SUM_TO as NUMPY_SUM_TO
from gradcli.codegen.scripts import value_of
from gradcli.codegen.target import Line, Options, Target
from gradcli.words import PYTHON

FORMS = {name: form.replace("np.", "jnp.") for name, form in NUMPY_FORMS.items()}
FORMS |= {name: f"jax.scipy.special.{name}(x)" for name in ("erf", "erfc")}
DIALECT = pythonic.floats("jnp.inf")._replace(
    forms=FORMS,
    constants={"pi": "jnp.pi", "e": "jnp.e"},
    conditions={name: form.replace("np.", "jnp.") for name, form in CONDITIONS.items()},
    form=pythonic.whole_power,
)
SUM_TO = (
    NUMPY_SUM_TO.replace("np.", "jnp.").replace("like.ndim", "jnp.ndim(like)").replace("like.shape", "jnp.shape(like)")
)
FIXED = DIALECT._replace(forms={**FORMS, "div": "jnp.divide(a, b)", "pow": "jnp.power(a, b)"}, form=None)


def _assign(line: Line) -> str:
    """An assignment; an element of an array by a new array, as arrays never change there."""
    if not line.name.endswith("]"):
        return pythonic.assign(line)
    base, _, places = line.name[:-1].partition("[")
    return f"{base} = {base}.at[{places}].{'add' if line.accumulates else 'set'}({line.value})"


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a function with its vjp, a script or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    yield from ["import jax", "import jax.numpy as jnp", ""]
    yield from ['jax.config.update("jax_enable_x64", True)', ""] if options.form == "script" else []
    functions = list(writer.functions())
    if any(not variable.shape for variable in code.wanted):
        functions.append(SUM_TO.split("\n"))
    for function in functions:
        yield from ["", *function, ""]
    yield from _functions(writer, options, forward, backward)
    if options.form == "script":
        yield from ["", "", *_main(code, options)]


def _functions(writer: Writer, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    code, name = writer.code, options.name
    arguments = ", ".join(variable.spelled for variable in code.variables)
    saved = [*(variable.spelled for variable in code.variables), *header.reused(writer)]
    kept = f"({', '.join(saved)}{',' * (len(saved) == 1)})"
    yield from ["", "@jax.custom_vjp", f"def {name}({arguments}):"]
    yield from pythonic.docstring(header.sentences(writer, "elementwise; its gradient is written out below."))
    yield from [f"{pythonic.INDENT}return {name}_forward({arguments})[0]", "", ""]
    yield f"def {name}_forward({arguments}):"
    yield from pythonic.indented([*forward, f"return {_output(code)}, {kept}", "", ""])
    seed = code.names[code.gradients[code.program.output]]
    yield f"def {name}_backward(saved, {seed}):"
    results = ", ".join(map(_returned, code.variables)) + "," * (len(code.variables) == 1)
    yield from pythonic.indented([f"{kept} = saved", *backward, f"return ({results})", "", ""])
    yield f"{name}.defvjp({name}_forward, {name}_backward)"


def _output(code: Code) -> str:
    return f"jnp.asarray({code.output})" if code.program.output.constant else code.output


def _returned(variable: Variable) -> str:
    if not variable.wanted:
        return f"jnp.zeros_like({variable.spelled})"
    return variable.gradient if variable.shape else f"_sum_to({variable.gradient}, {variable.spelled})"


def _main(code: Code, options: Options) -> Iterator[str]:
    for variable in code.variables:
        yield f"{variable.spelled} = jnp.array({pythonic.literal(value_of(variable, options))})"
    arguments = ", ".join(variable.spelled for variable in code.variables)
    places = [place for place, variable in enumerate(code.variables) if variable.wanted]
    yield f"print(jax.value_and_grad({options.name}, argnums={tuple(places)})({arguments}))"


def _zeros(variable: Variable, untouched: object) -> list[str]:
    return [f"{variable.gradient} = jnp.zeros_like({variable.spelled})"]


TARGET = Target(
    name="jax",
    dialect=DIALECT._replace(fixed=FIXED),
    words=PYTHON | {"_sum_to", "saved"},
    called="value",
    comment=pythonic.comment,
    assign=_assign,
    function=pythonic.function,
    frame=frame,
    seeded=True,
    element=lambda name, places, shape: f"{name}[{', '.join(map(str, places))}]",
    zeros=_zeros,
    nothing=lambda variable: f"jnp.zeros_like({variable.spelled})",
    reduced=lambda value, element: f"jnp.sum({value})" if element else value,
    selfcheck=False,
)
