"""The rows of the table that work on arrays; the legend stands in gates.py.

Loaded only where a text has arrays. Capital letters are operands of any shape, `axis=None` in a form
is a static parameter with its default, and the same word behind the equals sign in a rule passes it on.
A written gate may become another row by the shapes of its operands (`@`: dot, matvec, vecmat,
matmul, bmm); shapes.py chooses. A rule gives what an operand receives as if nothing had been broadcast:
that is undone in one place, by sum_to. norm and std have no definition by others, as hypot has none:
their slope at the origin is a convention that a square root does not have.
Sources of the formulas: Petersen & Pedersen, The Matrix Cookbook; Giles, Collected matrix derivative
results for forward and reverse mode algorithmic differentiation (2008).
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from gradcli.gates import GATES, Gate

Static = object  # None, a bool, an int, a tuple of these, Slice, Hole, Setting


class Slice(NamedTuple):
    """`start:stop:step` in an index; None where nothing is written, Hole for an operand."""

    start: Static
    stop: Static
    step: Static


class Hole(NamedTuple):
    """An entry of an index, or of a shape, that is the operand at this place."""

    place: int


class Setting(NamedTuple):
    """In a rule: the static parameter of that name."""

    name: str


SPREAD = "spread(dout, A, axis=axis, keepdims=keepdims)"
OUT = "spread(out, A, axis=axis, keepdims=keepdims)"
CENTRED = "(A - mean(A, axis=axis, keepdims=True))"
REDUCED = "A, axis=None, keepdims=False"

# fmt: off
ARRAY_ROWS = (
    # -- products -------------------------------------------------------------------------
    Gate("matmul", "A @ B", "matmul swaps like mul, with a transpose so that the shapes fit",
         pullback={"A": "dout @ B.T", "B": "A.T @ dout"}, stem="{A}{B}", glyph="@", aliases=("matmul",)),
    Gate("dot", "a @ b", "dot swaps: each vector receives the gradient times the other one",
         pullback={"a": "dout * b", "b": "dout * a"}, stem="{a}{b}", glyph="@", aliases=("dot",)),
    Gate("matvec", "A @ x", "a matrix receives the outer product of the gradient and the vector",
         pullback={"A": "outer(dout, x)", "x": "A.T @ dout"}, stem="{A}{x}", glyph="@"),
    Gate("vecmat", "x @ A", "a matrix receives the outer product of the vector and the gradient",
         pullback={"x": "A @ dout", "A": "outer(x, dout)"}, stem="{x}{A}", glyph="@"),
    Gate("bmm", "A @ B", "a stack of products swaps like mul, pair by pair, with transposes so that the shapes fit",
         pullback={"A": "dout @ mT(B)", "B": "mT(A) @ dout"}, stem="{A}{B}", glyph="@"),
    Gate("outer", "outer(a, b)", "outer swaps: each vector receives the gradient matrix times the other one",
         pullback={"a": "dout @ b", "b": "a @ dout"}, stem="outer{a}{b}"),
    # -- shapes ---------------------------------------------------------------------------
    Gate("transpose", "A.T", "a transpose sends the gradient back transposed",
         pullback={"A": "dout.T"}, stem="{A}T"),
    Gate("permute", "transpose(A, axes=None)", "transpose sends each axis back to where it came from",
         pullback={"A": "unpermute(dout, axes=axes)"}, stem="{A}T", aliases=("transpose",)),
    Gate("reshape", "reshape(A, shape=None)", "reshape sends the same numbers back in the old shape",
         pullback={"A": "reshape_as(dout, A)"}, stem="{A}flat"),
    Gate("index", "A[index=None]", "an index sends the gradient to the entries that were taken, 0 to the others",
         pullback={"A": "scatter(dout, A, index=index)"}, stem="{A}part"),
    Gate("pick", "A[i, index=None]", "picking rows adds the gradient at the entries that were picked",
         pullback={"A": "scatter_at(dout, A, i, index=index)"}, stem="{A}picked"),
    Gate("pick2", "A[i, j, index=None]", "picking entries adds the gradient at those that were picked",
         pullback={"A": "scatter_at2(dout, A, i, j, index=index)"}, stem="{A}picked"),
    Gate("concatenate", "concatenate([a, b, ...], axis=0)", "concatenate cuts the gradient into its parts",
         pullback={"...": "part(dout, axis=axis, sizes=sizes, place=place)"}, stem="joined"),
    Gate("stack", "stack([a, b, ...], axis=0)", "stack takes the gradient apart again",
         pullback={"...": "slot(dout, axis=axis, place=place)"}, stem="stacked"),
    # -- reductions -----------------------------------------------------------------------
    Gate("sum", f"sum({REDUCED})", "sum passes the whole gradient to every entry",
         pullback={"A": SPREAD}, stem="sum{A}"),
    Gate("mean", f"mean({REDUCED})", "mean passes an equal share of the gradient to every entry",
         pullback={"A": f"{SPREAD} / size(A, axis=axis)"}, stem="mean{A}",
         means="sum(A, axis=axis, keepdims=keepdims) / size(A, axis=axis)"),
    Gate("prod", f"prod({REDUCED})", "prod multiplies the gradient by the product of the other entries",
         pullback={"A": f"{SPREAD} * others(A, axis=axis)"}, stem="prod{A}"),
    Gate("amax", f"max({REDUCED})", "max routes: the largest entry receives the whole gradient, the others none",
         pullback={"A": f"route({SPREAD}, A == {OUT}, {OUT}, axis=axis, ties=ties)"}, stem="max{A}",
         routes="entries", custom="max of entries at a tie: see --ties"),
    Gate("amin", f"min({REDUCED})", "min routes: the smallest entry receives the whole gradient, the others none",
         pullback={"A": f"route({SPREAD}, A == {OUT}, {OUT}, axis=axis, ties=ties)"}, stem="min{A}",
         routes="entries", custom="min of entries at a tie: see --ties"),
    Gate("var", f"var({REDUCED}, ddof=0)", "var passes twice the distance from the mean, shared among the entries",
         pullback={"A": f"{SPREAD} * (2 * {CENTRED} / size(A, axis=axis, ddof=ddof))"}, stem="var{A}",
         means=f"sum({CENTRED} ** 2, axis=axis, keepdims=keepdims) / size(A, axis=axis, ddof=ddof)"),
    Gate("std", f"std({REDUCED}, ddof=0)", "std passes the distance from the mean in standard deviations, shared",
         pullback={"A": f"where({OUT} == 0, 0, {SPREAD} * ({CENTRED} / {OUT} / size(A, axis=axis, ddof=ddof)))"},
         stem="std{A}", kink="out == 0", custom="std of equal entries has slope 0"),
    Gate("norm", f"norm({REDUCED})", "norm shares the gradient in proportion to the entries",
         pullback={"A": f"where({OUT} == 0, 0, A / {OUT} * {SPREAD})"}, stem="norm{A}",
         kink="out == 0", custom="norm has slope 0 at the origin"),
    Gate("logsumexp", f"logsumexp({REDUCED})", "logsumexp shares the gradient as softmax does",
         pullback={"A": f"{SPREAD} * exp(A - {OUT})"}, stem="lse{A}",
         means="log(sum(exp(A), axis=axis, keepdims=keepdims))"),
    Gate("softmax", "softmax(A, axis=-1)",
         "softmax subtracts the gradient's mean, weighted by the output, and multiplies by the output",
         pullback={"A": "out * (dout - sum(dout * out, axis=axis, keepdims=True))"}, stem="softmax{A}",
         means="exp(A) * (1 / sum(exp(A), axis=axis, keepdims=True))"),
    Gate("log_softmax", "log_softmax(A, axis=-1)", "log_softmax subtracts the sum of the gradient times the softmax",
         pullback={"A": "dout - exp(out) * sum(dout, axis=axis, keepdims=True)"}, stem="logsoft{A}",
         means="A - log(sum(exp(A), axis=axis, keepdims=True))"),
    Gate("cumsum", "cumsum(A, axis=None)", "an entry of cumsum's operand receives the gradients of all sums it is in",
         pullback={"A": "sums_from(dout, axis=axis)"}, stem="cumsum{A}"),
    # -- matrices -------------------------------------------------------------------------
    Gate("trace", "trace(A)", "trace passes the gradient to the diagonal",
         pullback={"A": "on_diagonal(dout, A)"}, stem="tr{A}", aliases=("tr",)),
    Gate("det", "det(A)", "det multiplies the gradient by the cofactors",
         pullback={"A": "dout * cofactor(A)"}, stem="det{A}"),
    Gate("inv", "inv(A)", "inv sends the gradient back between two transposed inverses, with its sign turned",
         pullback={"A": "-out.T @ dout @ out.T"}, stem="inv{A}"),
    Gate("solve", "solve(A, B)", "solve solves the transposed system for the gradient",
         pullback={"A": "-solve(A.T, dout) @ out.T", "B": "solve(A.T, dout)"}, stem="solve{A}{B}"),
    Gate("solve_vector", "solve(A, b)", "solve solves the transposed system for the gradient",
         pullback={"A": "-outer(solve(A.T, dout), out)", "b": "solve(A.T, dout)"}, stem="solve{A}{b}"),
    # -- what shapes say ------------------------------------------------------------------
    Gate("shape", "A.shape", "a shape passes no gradient", stem="shape{A}"),
    Gate("extent", "A.shape[axis=0]", "a size passes no gradient", stem="n{A}"),
    Gate("arange", "arange(n)", "arange passes no gradient", stem="arange", aliases=("range",)),
)

# What rules need beside them; they are no functions of the language.
HELPER_ROWS = (
    Gate("spread", "spread(G, A, axis=None, keepdims=False)", "repeats a reduced value along the axes of A",
         pullback={"G": "sum(dout, axis=axis, keepdims=keepdims)"}),
    Gate("sum_to", "sum_to(A, shape=None)", "sums over the axes along which a shape was broadcast",
         pullback={"A": "spread_to(dout, A)"}),
    Gate("spread_to", "spread_to(G, A)", "broadcasts to the shape of A"),
    Gate("size", "size(A, axis=None, ddof=0)", "how many entries lie along the axes, less ddof"),
    Gate("mT", "mT(A)", "swaps the last two axes", pullback={"A": "mT(dout)"}),
    Gate("unpermute", "unpermute(A, axes=None)", "the inverse of a permutation of axes",
         pullback={"A": "transpose(dout, axes=axes)"}),
    Gate("reshape_as", "reshape_as(G, A)", "the same numbers in the shape of A",
         pullback={"G": "reshape_as(dout, G)"}),
    Gate("scatter", "scatter(G, A, index=None)", "zeros in the shape of A, but G at the index"),
    Gate("scatter_at", "scatter_at(G, A, i, index=None)", "zeros in the shape of A, and G added at the entries picked"),
    Gate("scatter_at2", "scatter_at2(G, A, i, j, index=None)", "the same for two arrays of whole numbers"),
    Gate("part", "part(G, axis=0, sizes=None, place=0)", "the part of G that one operand of concatenate is"),
    Gate("slot", "slot(G, axis=0, place=0)", "the part of G that one operand of stack is"),
    Gate("others", "others(A, axis=None)", "for each entry the product of the others"),
    Gate("route", "route(G, chosen, out, axis=None, ties=None)", "G where chosen; nan where out is nan"),
    Gate("sums_from", "sums_from(A, axis=None)", "sums from each entry to the last",
         pullback={"A": "cumsum(dout, axis=axis)"}),
    Gate("on_diagonal", "on_diagonal(g, A)", "zeros in the shape of A, but g on the diagonal",
         pullback={"g": "trace(dout)"}),
    Gate("cofactor", "cofactor(A)", "the cofactors, right also where A is singular"),
)
# fmt: on

ARRAY_GATES = {gate.name: gate for gate in ARRAY_ROWS}
HELPERS = {gate.name: gate for gate in HELPER_ROWS}
REDUCTIONS = {"max": "amax", "min": "amin"}  # of one operand; of several they are elementwise
PRODUCTS = ("matmul", "dot", "matvec", "vecmat", "bmm")


def statics(gate: Gate) -> dict[str, Static]:
    """The static parameters of a gate with their defaults: {"axis": None, "keepdims": False}."""
    return _statics(gate.form)


@cache
def _statics(form: str) -> dict[str, Static]:
    words: dict[str, Static] = {"None": None, "False": False}
    found = re.findall(r"(\w+)=(-?\w+)", form)
    return {name: words[value] if value in words else int(value) for name, value in found}


@cache
def array_gate_called(name: str, helpers: bool = False) -> Gate | None:
    """The gate of arrays that is written `name(...)`, or None; helpers: those of rules too."""
    if helpers and name in HELPERS:
        return HELPERS[name]
    if name in REDUCTIONS:
        return ARRAY_GATES[REDUCTIONS[name]]
    rows = ARRAY_GATES.values()
    return next((row for row in rows if row.form.startswith(name + "(") or name in row.aliases), None)


def is_array_gate(gate: Gate) -> bool:
    """Whether a gate is a row of this file, as opposed to one that works entry by entry."""
    return GATES.get(gate.name) is not gate and gate.name not in ("number", "constant", "input")


def function_names() -> list[str]:
    """What can stand before a parenthesis: for hints."""
    names = [row.form.partition("(")[0] for row in ARRAY_ROWS if re.match(r"\w\w+\(", row.form)]
    return [*names, *(alias for row in ARRAY_ROWS for alias in row.aliases)]
