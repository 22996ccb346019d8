"""The table of gates: what each computes, how a gradient passes through it, what it is called.

One row is all that a gate is. Rules are formulas in gradcli's own language; nothing here
is parsed or compiled at import.

Legend
  form      how it is written: an operator or a call; the letters are its parameters, `axis=None` a static
            parameter and its default
  says      what it does to a gradient, in a sentence
  partials  local gradients, to be multiplied by the gradient that arrives: {"a": "b", "b": "a"};
            `out` is the gate's own value; the literal "0" (or no entry) means that nothing flows
  textbook  a local gradient as the note writes it, where `partials` has a form in `out`
  unit      a whole contribution where the first operand is 1: no division, one rounding more; behind a product
            `out * dout` is that product, which a compiler has computed before
  pullback  whole contributions where a product would not do (`dout` is the gradient that arrives):
            gates that route give an operand that is not chosen exactly 0, also where dout is inf
  means     definition by other gates: what --no-fuse takes it apart into; a call without one is a
            function of ieee.py
  stable    how it is computed when kept whole, where that differs from `means` or there is no definition;
            of a gate with any number of operands: for two
  fuses     the definition, met in a text, becomes this gate
  stem      the name of its stage, from the names of its operands
  operands  names that it suggests for compound operands
  closed    where the value is nan every slope is nan, although the rule would give a number
  kink      where the slope is a convention; `custom` says which
  routes    "operands" or "entries": those that equal `out` take the gradient, by the rule for ties
  near      where its operands are drawn from in tests: (low, high) for each, inside the domain
Sources of the formulas: Abramowitz & Stegun, chapters 4 and 7, and the definitions themselves;
the CS231n note "Backpropagation, Intuitions" for add, mul, max, sigmoid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

NO_RULES: Mapping[str, str] = {}


class Gate(NamedTuple):
    """One row of the table; see the legend above."""

    name: str
    form: str
    says: str
    partials: Mapping[str, str] = NO_RULES
    pullback: Mapping[str, str] = NO_RULES
    means: str = ""
    stable: str = ""
    fuses: bool = False
    stem: str = ""
    operands: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    closed: bool = False
    kink: str = ""
    custom: str = ""
    near: tuple[tuple[float, float], ...] = ((-2.0, 2.0),)
    glyph: str = ""
    textbook: Mapping[str, str] = NO_RULES
    unit: Mapping[str, str] = NO_RULES
    routes: str = ""


def parameters(gate: Gate) -> tuple[str, ...]:
    """The names of a gate's parameters, in order: ("a", "b") for "a * b"."""
    return _letters(gate.form)


@cache
def _letters(form: str) -> tuple[str, ...]:
    return tuple(re.findall(r"(?<![.=])\b[A-Za-z]\w*\b(?![(=])", form))


def variadic(gate: Gate) -> bool:
    """Whether a gate takes any number of operands, as max does."""
    return "..." in gate.form


@cache
def takes(form: str, count: int) -> bool:
    """Whether a gate of this form takes so many operands."""
    wanted = len(_letters(form))
    return count >= wanted if form.endswith("...)") else count == wanted


def callable_as(gate: Gate, name: str) -> bool:
    """Whether `name(...)` is a way to write the gate."""
    return name in gate.aliases or gate.form.startswith(name + "(")


def gate_called(name: str) -> Gate | None:
    """The gate written `name(...)`, or None."""
    gate = GATES.get(name)
    if gate is not None and callable_as(gate, name):
        return gate
    return next((gate for gate in GATES.values() if name in gate.aliases), None)


def operator_of(gate: Gate) -> str:
    """The symbol of a gate written between its operands ("*"), else nothing."""
    words = gate.form.split(" ")
    return words[1] if len(words) == 3 and len(words[0]) == 1 else ""


# What a leaf of the graph is: no gradient rule, no line of its own.
NUMBER = Gate("number", "c", "a number receives no gradient")
CONSTANT = Gate("constant", "c", "pi and e receive no gradient")
INPUT = Gate("input", "x", "an input collects the gradients of all its uses")

POSITIVE = ((0.1, 3.0),)
PAIR = ((-2.0, 2.0), (-2.0, 2.0))
UNIT = ((-0.9, 0.9),)

# A row reads best as a row.
# fmt: off
ROWS = (
    # -- arithmetic ---------------------------------------------------------------------
    Gate("add", "a + b", "add distributes: every operand receives the gradient unchanged",
         {"a": "1", "b": "1"}, stem="{a}p{b}", near=PAIR, glyph="+"),
    Gate("sub", "a - b", "sub distributes: the second operand receives the gradient with its sign turned",
         {"a": "1", "b": "-1"}, stem="{a}m{b}", near=PAIR, glyph="-"),
    Gate("mul", "a * b", "mul swaps: each operand receives the gradient times the other one",
         {"a": "b", "b": "a"}, stem="{a}{b}", near=PAIR, glyph="*"),
    Gate("div", "a / b", "div divides the gradient by the denominator, which gets that times minus the quotient",
         {"a": "1 / b", "b": "-out / b"}, textbook={"b": "-a / b ** 2"}, unit={"b": "-out * (out * dout)"},
         stem="{a}over{b}", operands=("num", "den"),
         near=((-2.0, 2.0), (0.3, 2.0)), glyph="/"),
    Gate("neg", "-a", "neg turns the sign of the gradient",
         {"a": "-1"}, stem="neg{a}", near=PAIR[:1], glyph="*-1"),
    Gate("pow", "a ** b", "a power multiplies its base's gradient by the exponent and the next lower power",
         {"a": "where(b == 0, 0, b * a ** (b - 1))",
          "b": "where((a == 0) * (b > 0), 0, out * log(a))"},
         stem="{a}pow{b}", aliases=("pow", "power"),
         custom="x**0 has slope 0 in x; 0**y with y > 0 has slope 0 in y",
         near=((0.2, 2.0), (-2.0, 2.0)), glyph="**"),
    Gate("square", "square(x)", "a square multiplies the gradient by twice its input",
         {"x": "2 * x"}, means="x ** 2", stem="{x}sqr", glyph="x²"),
    Gate("copy", "a", "a copy passes the gradient unchanged",
         {"a": "1"}, stem="{a}", near=PAIR[:1], glyph="="),
    # -- exponentials and logarithms ------------------------------------------------------
    Gate("exp", "exp(x)", "exp multiplies the gradient by its own output",
         {"x": "out"}, stem="exp{x}"),
    Gate("expm1", "expm1(x)", "expm1 multiplies the gradient by exp of its input",
         {"x": "exp(x)"}, stem="expm1{x}"),
    Gate("log", "log(x)", "log divides the gradient by its input: small inputs receive large gradients",
         {"x": "1 / x"}, stem="log{x}", aliases=("ln",), closed=True, near=POSITIVE),
    Gate("log1p", "log1p(x)", "log1p divides the gradient by one plus its input",
         {"x": "1 / (1 + x)"}, stem="log1p{x}", closed=True, near=((-0.8, 3.0),)),
    Gate("log2", "log2(x)", "log2 divides the gradient by its input times log(2)",
         {"x": "1 / (x * log(2))"}, stem="log2{x}", closed=True, near=POSITIVE),
    Gate("log10", "log10(x)", "log10 divides the gradient by its input times log(10)",
         {"x": "1 / (x * log(10))"}, stem="log10{x}", closed=True, near=POSITIVE),
    # -- roots ----------------------------------------------------------------------------
    Gate("sqrt", "sqrt(x)", "sqrt multiplies the gradient by half of one over its output",
         {"x": "0.5 / out"}, stem="sqrt{x}", custom="sqrt'(0) = inf", near=POSITIVE, glyph="√"),
    Gate("cbrt", "cbrt(x)", "cbrt divides the gradient by three times the square of its output",
         {"x": "1 / (3 * out ** 2)"}, stem="cbrt{x}", near=POSITIVE),
    Gate("hypot", "hypot(a, b)", "hypot shares the gradient in proportion to its operands, as the sides of a triangle",
         {"a": "where(out == 0, 0, a / out)", "b": "where(out == 0, 0, b / out)"}, stem="hypot",
         kink="out == 0", custom="hypot has slope 0 at the origin", near=PAIR),
    # -- circular -------------------------------------------------------------------------
    Gate("sin", "sin(x)", "sin multiplies the gradient by cos of its input",
         {"x": "cos(x)"}, stem="sin{x}"),
    Gate("cos", "cos(x)", "cos multiplies the gradient by minus sin of its input",
         {"x": "-sin(x)"}, stem="cos{x}"),
    Gate("tan", "tan(x)", "tan multiplies the gradient by one plus the square of its output",
         {"x": "1 + out ** 2"}, stem="tan{x}", near=((-1.2, 1.2),)),
    Gate("asin", "asin(x)", "asin stretches the gradient, most near -1 and 1",
         {"x": "1 / sqrt((1 - x) * (1 + x))"}, stem="asin{x}", aliases=("arcsin",), near=UNIT),
    Gate("acos", "acos(x)", "acos turns the sign of the gradient and stretches it, most near -1 and 1",
         {"x": "-1 / sqrt((1 - x) * (1 + x))"}, stem="acos{x}", aliases=("arccos",), near=UNIT),
    Gate("atan", "atan(x)", "atan divides the gradient by one plus the square of its input",
         {"x": "1 / (1 + x * x)"}, stem="atan{x}", aliases=("arctan",)),
    Gate("atan2", "atan2(y, x)", "atan2 turns the gradient across the radius and divides it by the radius",
         {"y": "x / hypot(y, x) / hypot(y, x)", "x": "-y / hypot(y, x) / hypot(y, x)"},
         stem="atan2", aliases=("arctan2",), custom="atan2 has no slope at the origin: nan",
         near=((0.2, 2.0), (-2.0, 2.0))),
    # -- hyperbolic -----------------------------------------------------------------------
    Gate("sinh", "sinh(x)", "sinh multiplies the gradient by cosh of its input",
         {"x": "cosh(x)"}, stem="sinh{x}"),
    Gate("cosh", "cosh(x)", "cosh multiplies the gradient by sinh of its input",
         {"x": "sinh(x)"}, stem="cosh{x}"),
    Gate("tanh", "tanh(x)", "tanh squashes: far from 0 it passes almost no gradient",
         {"x": "1 - out ** 2"}, stem="tanh{x}"),
    Gate("asinh", "asinh(x)", "asinh divides the gradient by sqrt(x**2 + 1)",
         {"x": "1 / hypot(x, 1)"}, stem="asinh{x}", aliases=("arcsinh",)),
    Gate("acosh", "acosh(x)", "acosh divides the gradient by sqrt(x**2 - 1)",
         {"x": "1 / (sqrt(x - 1) * sqrt(x + 1))"}, stem="acosh{x}", aliases=("arccosh",),
         closed=True, near=((1.2, 3.0),)),
    Gate("atanh", "atanh(x)", "atanh stretches the gradient, most near -1 and 1",
         {"x": "1 / ((1 - x) * (1 + x))"}, stem="atanh{x}", aliases=("arctanh",),
         closed=True, near=UNIT),
    # -- error function -------------------------------------------------------------------
    Gate("erf", "erf(x)", "erf passes the gradient through a bell curve around 0",
         {"x": "2 / sqrt(pi) * exp(-x * x)"}, stem="erf{x}"),
    Gate("erfc", "erfc(x)", "erfc turns the sign of the gradient and passes it through a bell curve around 0",
         {"x": "-2 / sqrt(pi) * exp(-x * x)"}, stem="erfc{x}"),
    # -- gates that route -----------------------------------------------------------------
    Gate("max", "max(a, b, ...)", "max routes: the largest operand receives the whole gradient, the others none",
         stable="where((a >= b) + (a != a), a, b)", stem="max{a}{b}", aliases=("maximum",), closed=True,
         routes="operands", custom="max at a tie: see --ties", near=PAIR),
    Gate("min", "min(a, b, ...)", "min routes: the smallest operand receives the whole gradient, the others none",
         stable="where((a <= b) + (a != a), a, b)", stem="min{a}{b}", aliases=("minimum",), closed=True,
         routes="operands", custom="min at a tie: see --ties", near=PAIR),
    Gate("where", "where(cond, a, b)", "where routes: the branch taken receives the whole gradient, the other none",
         pullback={"a": "where(cond, dout, 0)", "b": "where(cond, 0, dout)"},
         stem="where", near=((-1.0, 1.0), *PAIR)),
    Gate("relu", "relu(x)", "relu routes: it passes the whole gradient where its input is positive, else none",
         pullback={"x": "where(x > 0, dout, 0)"}, stable="max(x, 0)", stem="relu{x}", closed=True,
         kink="x == 0", custom="relu'(0) = 0"),
    Gate("leaky_relu", "leaky_relu(x)", "leaky_relu passes the gradient where the input is positive, else a hundredth",
         pullback={"x": "where(x > 0, dout, 0.01 * dout)"}, means="where(x > 0, x, 0.01 * x)",
         stem="leaky{x}", closed=True, kink="x == 0", custom="leaky_relu'(0) = 0.01"),
    Gate("abs", "abs(x)", "abs passes the gradient with the sign of its input",
         pullback={"x": "where(x > 0, dout, where(x < 0, -dout, 0))"}, stem="abs{x}", aliases=("fabs",),
         closed=True, kink="x == 0", custom="abs'(0) = 0", glyph="|x|"),
    Gate("sign", "sign(x)", "sign is flat: no gradient passes",
         stable="where(x > 0, 1, where(x < 0, -1, x))", stem="sign{x}", kink="x == 0", custom="sign' = 0"),
    Gate("floor", "floor(x)", "floor is flat: no gradient passes",
         stem="floor{x}", kink="x == out", custom="floor' = 0"),
    Gate("ceil", "ceil(x)", "ceil is flat: no gradient passes",
         stem="ceil{x}", kink="x == out", custom="ceil' = 0"),
    # -- comparisons ----------------------------------------------------------------------
    Gate("lt", "a < b", "a comparison passes no gradient", stem="{a}lt{b}", near=PAIR, glyph="<"),
    Gate("le", "a <= b", "a comparison passes no gradient", stem="{a}le{b}", near=PAIR, glyph="<="),
    Gate("gt", "a > b", "a comparison passes no gradient", stem="{a}gt{b}", near=PAIR, glyph=">"),
    Gate("ge", "a >= b", "a comparison passes no gradient", stem="{a}ge{b}", near=PAIR, glyph=">="),
    Gate("eq", "a == b", "a comparison passes no gradient", stem="{a}eq{b}", near=PAIR, glyph="=="),
    Gate("ne", "a != b", "a comparison passes no gradient", stem="{a}ne{b}", near=PAIR, glyph="!="),
    # -- neurons --------------------------------------------------------------------------
    Gate("sigmoid", "sigmoid(x)", "a sigmoid passes at most a quarter of the gradient",
         {"x": "(1 - out) * out"}, means="1 / (1 + exp(-x))",
         stable="where(x < -709, exp(x), 1 / (1 + exp(-x)))",
         fuses=True, stem="sig{x}", aliases=("σ",), glyph="σ"),
    Gate("softplus", "softplus(x)", "softplus multiplies the gradient by the sigmoid of its input",
         {"x": "sigmoid(x)"}, means="log(1 + exp(x))",
         stable="max(x, 0) + log1p(exp(-abs(x)))", stem="softplus{x}"),
    Gate("silu", "silu(x)", "silu gates itself: far right of 0 it passes the whole gradient, far left of it none",
         {"x": "sigmoid(x) + out * (1 - sigmoid(x))"}, means="x * sigmoid(x)", stem="silu{x}"),
    Gate("gelu", "gelu(x)", "gelu gates itself: far right of 0 it passes the whole gradient, far left of it none",
         {"x": "0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * pi)"},
         means="0.5 * x * (1 + erf(x / sqrt(2)))", stable="0.5 * x * erfc(-x / sqrt(2))",
         stem="gelu{x}"),
)
# fmt: on

GATES: dict[str, Gate] = {gate.name: gate for gate in ROWS}
