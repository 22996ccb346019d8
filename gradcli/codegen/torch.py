"""PyTorch: an autograd.Function whose backward pass is written out."""

from __future__ import annotations

from collections.abc import Iterator

from gradcli.codegen import header, pythonic
from gradcli.codegen.code import Code, Variable
from gradcli.codegen.lines import Writer
from gradcli.codegen.python import DIALECT as PYTHON_DIALECT
from gradcli.codegen.scripts import value_of
from gradcli.codegen.target import Options, Target
from gradcli.exact import is_whole_power
from gradcli.graph import Node
from gradcli.printer import Name
from gradcli.words import PYTHON

FUNCTIONS = """exp expm1 log log1p log2 log10 sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf erfc
    floor ceil abs sigmoid relu""".split()  # noqa: SIM905  read once
TENSORS_ONLY = {"atan2": "torch.atan2(y, x)", "hypot": "torch.hypot(a, b)"}
TENSORS_ONLY |= {"max": "torch.maximum(a, b)", "min": "torch.minimum(a, b)"}
FORMS = {
    **{name: f"torch.{name}(x)" for name in FUNCTIONS},
    **{name: f"torch.where({form}, 1.0, 0.0)" for name, form in pythonic.COMPARED.items()},
    **{name: form.replace(")", ", ...)") if name in ("max", "min") else form for name, form in TENSORS_ONLY.items()},
    "copy": "a.clone()",
    "where": "torch.where(cond, a, b)",
    "sqrt": "torch.sqrt(x + 0.0)",  # the root of -0.0 is to be 0.0
}
SAVED = "ctx.save_for_backward"


def _form(node: Node, name: Name) -> str | None:
    """The form where an operand is a number, which PyTorch takes in some places only."""
    first, *rest = node.operands
    gate = node.gate.name
    if gate == "where" and first.constant:
        return "(a if cond else b)"
    if gate == "where" and all(operand.constant for operand in rest):
        numbers = ", ".join(f"torch.tensor({letter}, dtype=torch.float64)" for letter in "ab")
        return f"torch.where(cond, {numbers})"
    if gate in TENSORS_ONLY and (first.constant or rest[0].constant):
        letters = ("y", "x") if gate == "atan2" else ("a", "b")
        tensor, number = letters[:: -1 if first.constant else 1]
        filled = {number: f"torch.full_like({tensor}, {number})", tensor: tensor}
        return f"{TENSORS_ONLY[gate].partition('(')[0]}({', '.join(filled[letter] for letter in letters)})"
    return "a**b" if is_whole_power(node) else None


NAN = {"eq itself": "~torch.isnan(a)", "ne itself": "torch.isnan(a)"}
DIALECT = pythonic.floats("math.inf")._replace(
    forms=FORMS,
    constants={"pi": "math.pi", "e": "math.e"},
    conditions={**pythonic.COMPARED, "mul": "(a) & (b)", "add": "(a) | (b)", "": "a != 0.0", **NAN},
    form=_form,
    fixed=PYTHON_DIALECT,
)


def frame(code: Code, options: Options) -> Iterator[str]:
    """The text of a Function, a script or bare lines."""
    writer = Writer(code)
    forward, backward = list(writer.forward()), list(writer.backward())
    if options.form == "lines":
        yield from [*forward, *backward]
        return
    functions = [line for function in writer.functions() for line in (*function, "", "")]
    body = list(_class(writer, options, forward, backward))
    if options.form == "script":
        body += ["", "", *_main(code, options)]
    if any("math." in line for line in [*functions, *body]):
        yield from ["import math", ""]
    yield from ["import torch", "", "", *functions, *body]


def _class(writer: Writer, options: Options, forward: list[str], backward: list[str]) -> Iterator[str]:
    code = writer.code
    arguments = [variable.spelled for variable in code.variables]
    yield f"class {options.name}(torch.autograd.Function):"
    check = f"Check: torch.autograd.gradcheck({options.name}.apply, ({', '.join(arguments)},))"
    yield from pythonic.docstring([*header.sentences(writer, "elementwise on tensors."), check])
    yield from pythonic.indented(["", "@staticmethod", f"def forward({', '.join(['ctx', *arguments])}):"])
    saved = [*arguments, *(name for name in header.reused(writer, constant=False))]
    result = f"torch.tensor({code.output})" if code.program.output.constant else code.output
    yield from _body([*forward, f"{SAVED}({', '.join(saved)})", f"return {result}"])
    yield from pythonic.indented(["", "@staticmethod", f"def backward(ctx, {_seed(code)}):"])
    taken = [f"{', '.join(saved)}{',' * (len(saved) == 1)} = ctx.saved_tensors"] if saved else []
    again = [line for line, (_, node) in zip(forward, code.stages, strict=True) if node.constant]
    yield from _body([*taken, *again, *backward, f"return {', '.join(map(_returned, code.variables)) or None}"])


def _body(lines: list[str]) -> Iterator[str]:
    return pythonic.indented(list(pythonic.indented(lines)))


def _seed(code: Code) -> str:
    return code.names[code.gradients[code.program.output]]


def _returned(variable: Variable) -> str:
    if not variable.wanted:
        return "None"
    return variable.gradient if variable.shape else f"{variable.gradient}.sum_to_size({variable.spelled}.shape)"


def _main(code: Code, options: Options) -> Iterator[str]:
    for variable in code.variables:
        value = pythonic.literal(value_of(variable, options))
        wanted = ", requires_grad=True" if variable.wanted else ""
        yield f"{variable.spelled} = torch.tensor({value}, dtype=torch.float64{wanted})"
    arguments = ", ".join(variable.spelled for variable in code.variables)
    yield f"print({options.name}.apply({arguments}))"
    yield f"print(torch.autograd.gradcheck({options.name}.apply, ({arguments},)))"


def _zeros(variable: Variable, untouched: object) -> list[str]:
    return [f"{variable.gradient} = torch.zeros_like({variable.spelled})"]


TARGET = Target(
    name="torch",
    dialect=DIALECT,
    words=PYTHON,
    called="ValueAndGradient",
    comment=pythonic.comment,
    assign=pythonic.assign,
    function=pythonic.function,
    frame=frame,
    seeded=True,
    element=lambda name, places, shape: f"{name}[{', '.join(map(str, places))}]",
    zeros=_zeros,
    nothing=lambda variable: f"torch.zeros_like({variable.spelled})",
    owned=lambda name: f"{name}.clone()",
    reduced=lambda value, element: f"torch.sum({value})" if element else value,
)
