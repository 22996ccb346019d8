"""NumPy: elementwise on arrays of any shapes that fit together."""

from __future__ import annotations

from collections.abc import Iterator
from json import dumps

from gradcli.codegen import header, pythonic
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.scripts import SMALLEST, STEP, TOLERANCE, value_of
from gradcli.codegen.target import Options, Target
from gradcli.words import PYTHON

FUNCTIONS = """exp expm1 log log1p log2 log10 cbrt sin cos tan sinh cosh tanh floor ceil abs sign""".split()  # noqa: SIM905  read once
INVERSE = ("asin", "acos", "atan", "asinh", "acosh", "atanh")
FORMS = {
    **{name: f"np.{name}(x)" for name in FUNCTIONS},
    **{name: f"np.arc{name[1:]}(x)" for name in INVERSE},
    **{name: f"np.where({form}, 1.0, 0.0)" for name, form in pythonic.COMPARED.items()},
    "copy": "+a",  # a new array
    "where": "np.where(cond, a, b)",
    "sqrt": "np.sqrt(x + 0.0)",  # the root of -0.0 is to be 0.0
    "atan2": "np.arctan2(y, x)",
    "hypot": "np.hypot(a, b)",
    "max": "np.maximum(a, b, ...)",
    "min": "np.minimum(a, b, ...)",
}
NAN = {"eq itself": "~np.isnan(a)", "ne itself": "np.isnan(a)"}
CONDITIONS = {**pythonic.COMPARED, "mul": "(a) & (b)", "add": "(a) | (b)", "": "a != 0.0", **NAN}
DIALECT = pythonic.floats("np.inf")._replace(
    forms=FORMS,
    constants={"pi": "np.pi", "e": "np.e"},
    conditions=CONDITIONS,
    form=pythonic.whole_power,
)
# Python's own division and power of floats raise where arrays do not.
FIXED = DIALECT._replace(forms={**FORMS, "div": "np.divide(a, b)", "pow": "np.power(a, b)"}, form=None)
HELPERS = {
    name: pythonic.function(name, ["x"], f"np.vectorize(math.{name}, otypes=[float])(x)") for name in ("erf", "erfc")
}
SUM_TO = '''\
def _sum_to(gradient, like):
    """The gradient in the shape of `like`: summed along the axes that were broadcast."""
    gradient = np.sum(gradient, axis=tuple(range(np.ndim(gradient) - like.ndim)))
    axes = tuple(axis for axis, size in enumerate(like.shape) if size == 1)
    return np.sum(gradient, axis=axes, keepdims=True)'''


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a function, a script or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *_seed(code), *backward]
        return
    functions = list(writer.functions())
    if any(not variable.shape for variable in code.wanted):
        functions.append(SUM_TO.split("\n"))
    text = list(_function(writer, options, forward, backward))
    if options.form == "script":
        text += ["", "", *_main(code, options)]
    whole = [line for function in functions for line in (*function, "", "")]
    if any("math." in line for line in whole):
        yield from ["import math", ""]
    yield from ["import numpy as np", "", "", *whole, *text]


def _function(writer: Writer, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    code = writer.code
    yield '@np.errstate(all="ignore")  # infinities and nan are results'
    yield f"def {options.name}({', '.join(variable.spelled for variable in code.variables)}):"
    yield from pythonic.docstring([*header.sentences(writer, "elementwise."), *_arrays(code)])
    for variable in code.variables:
        yield f"{pythonic.INDENT}{variable.spelled} = np.asarray({variable.spelled}, dtype=float)"
    yield from pythonic.indented(["", "# forward pass", *forward, "", "# backward pass", *_seed(code), *backward, ""])
    yield f"{pythonic.INDENT}return {code.output}, {{{', '.join(map(_entry, code.wanted))}}}"


def _arrays(code: Code) -> Iterator[str]:
    yield "Arguments are numbers or arrays; gradients have their shapes, summed along axes that were broadcast."
    arrays = [header.size(variable) for variable in code.variables if variable.shape]
    if arrays:
        yield f"At least as large: {', '.join(arrays)}."


def _seed(code: Code) -> Iterator[str]:
    if code.groups:
        yield f"{code.names[code.gradients[code.program.output]]} = np.ones_like({code.output})"


def _entry(variable: Variable) -> str:
    gradient = variable.gradient if variable.shape else f"_sum_to({variable.gradient}, {variable.spelled})"
    return f"{dumps(variable.name, ensure_ascii=False)}: {gradient}"


def _main(code: Code, options: Options) -> Iterator[str]:
    values = ", ".join(pythonic.literal(value_of(variable, options)) for variable in code.variables)
    yield f"print({options.name}({values}))"
    if options.selfcheck:
        yield from _selfcheck(code, options)


def _selfcheck(code: Code, options: Options) -> Iterator[str]:
    """Each entry of each input moved in both directions."""
    values = (pythonic.literal(value_of(variable, options)) for variable in code.variables)
    yield f"kept = [np.array(entry, dtype=float) for entry in ({', '.join(values)},)]"
    yield f"results = list({options.name}(*kept)[1].values())"
    yield "failures = 0"
    places = [place for place, variable in enumerate(code.variables) if variable.wanted]
    yield f"for place, results in zip({places}, results):"
    yield from pythonic.indented(
        [
            "for entry in np.ndindex(kept[place].shape):",
            f"    step = {STEP} * max(1.0, abs(kept[place][entry]))",
            "    raised, lowered = [each.copy() for each in kept], [each.copy() for each in kept]",
            "    raised[place][entry] += step",
            "    lowered[place][entry] -= step",
            f"    total = np.sum({options.name}(*raised)[0]), np.sum({options.name}(*lowered)[0])",
            "    numeric = (total[0] - total[1]) / (2.0 * step)",
            f"    scale = max(abs(results[entry]), abs(numeric), {SMALLEST} * max(1.0, abs(total[0])))",
            f"    failures += not abs(results[entry] - numeric) / scale < {TOLERANCE}",
        ]
    )
    yield "raise SystemExit(1 if failures else 0)"


def _zeros(variable: Variable, untouched: object) -> list[str]:
    return [f"{variable.gradient} = np.zeros_like({variable.spelled})"]


TARGET = Target(
    name="numpy",
    dialect=DIALECT._replace(fixed=FIXED),
    words=PYTHON | {"_sum_to"},
    comment=pythonic.comment,
    assign=pythonic.assign,
    function=pythonic.function,
    frame=frame,
    seeded=True,
    element=lambda name, places, shape: f"{name}[{', '.join(map(str, places))}]",
    zeros=_zeros,
    nothing=lambda variable: f"np.zeros_like({variable.spelled})",
    owned=lambda name: f"{name}.copy()",
    reduced=lambda value, element: f"np.sum({value})" if element else value,
    helpers=HELPERS,
)
