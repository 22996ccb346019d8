"""Backward passes as people write them for a course's layers: right ones are right, and a slip is found in its line.

That a pass is right is found by running it and by centred differences of sum(out * dout).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcli.diagnose import diagnose
from gradcli.errors import GradError
from gradcli.point import Point

NUMBERS = np.random.default_rng(8)
X, H, W, U, B, DOUT = (
    NUMBERS.uniform(-1, 1, shape).round(2).tolist() for shape in ((3, 2), (3, 2), (2, 8), (2, 8), (8,), (3, 2))
)
LSTM = """\
N, H = h.shape
a = x.dot(W) + h.dot(U) + b
ai, af, ao, ag = a[:, :H], a[:, H:2*H], a[:, 2*H:3*H], a[:, 3*H:]
i = 1 / (1 + np.exp(-ai))
f = 1 / (1 + np.exp(-af))
o = 1 / (1 + np.exp(-ao))
g = np.tanh(ag)
next_c = f * c + i * g
out = o * np.tanh(next_c)
# backward
do = dout * np.tanh(next_c)
dnext_c = dout * o * (1 - np.tanh(next_c) ** 2)
df = dnext_c * c
dc = dnext_c * f
di = dnext_c * g
dg = dnext_c * i
da = np.hstack((di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dg * (1 - g ** 2)))
dx = da.dot(W.T)
dW = x.T.dot(da)
dh = da.dot(U.T)
dU = h.T.dot(da)
db = np.sum(da, axis=0)
"""
BY_GATE = """\
da = np.zeros_like(a)
da[:, :H] = di * i * (1 - i)
da[:, H:2*H] = df * f * (1 - f)
da[:, 2*H:3*H] = do * o * (1 - o)
da[:, 3*H:] = dg * (1 - g ** 2)
"""
STACKED = next(line for line in LSTM.splitlines(keepends=True) if line.startswith("da ="))
AFFINE = """\
out = x.reshape(x.shape[0], -1).dot(w) + b
# backward
dx: np.ndarray = dout.dot(w.T).reshape(x.shape)
dw = np.reshape(x, (x.shape[0], -1)).T.dot(dout)
db = dout.sum(axis=0)
"""
ATTENTION = """\
S = Q @ K.T
P = np.exp(S) / np.sum(np.exp(S), axis=-1, keepdims=True)
out = P @ V
# backward
dV = P.T @ dout
dP = dout @ V.T
dS = P * (dP - np.sum(dP * P, axis=-1, keepdims=True))
dQ = dS @ K
dK = dS.T @ Q
"""
NORM = """\
N = x.shape[0]
mu = 1. / N * np.sum(x, axis=0)
xmu = x - mu
var = 1. / N * np.sum(xmu ** 2, axis=0)
ivar = 1. / np.sqrt(var + 0.001)
xhat = xmu * ivar
out = gamma * xhat
# backward
dgamma = np.sum(dout * xhat, axis=0)
dxhat = dout * gamma
divar = np.sum(dxhat * xmu, axis=0)
dxmu1 = dxhat * ivar
dvar = -0.5 * ivar ** 3 * divar
dxmu2 = 2 * xmu * (1. / N * np.ones_like(x) * dvar)
dx1 = (dxmu1 + dxmu2)
dx2 = 1. / N * np.ones_like(x) * (-1 * np.sum(dx1, axis=0))
dx = dx1 + dx2
"""
PICKED = """\
n = x.shape[0]
correct = x[np.arange(n), y].reshape(n, 1)
out = np.maximum(0, x - correct + 1)
out[np.arange(n), y] = 0
# backward
mask = (out > 0) * dout
dx = mask.copy()
dx[np.arange(n), y] = -np.sum(mask, axis=1)
"""
AT_LSTM = {"x": X, "h": H, "c": DOUT, "W": W, "U": U, "b": B, "dout": H}
PASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "lstm": (LSTM, AT_LSTM),
    "lstm by gate": (LSTM.replace(STACKED, BY_GATE), AT_LSTM),
    "affine": (AFFINE, {"x": X, "w": DOUT[:2], "b": [0.1, -0.2], "dout": DOUT}),
    "attention": (ATTENTION, {"Q": X, "K": H, "V": DOUT, "dout": X}),
    "batch norm": (NORM, {"x": X, "gamma": [1.1, 0.8], "dout": DOUT}),
    "svm": (PICKED, {"x": X, "y": [0, 1, 1], "dout": DOUT}),
}


def run(source: str, at: dict[str, Any]) -> dict[str, Any]:
    """The names of a script after it has run on copies of its point."""
    whole = {"y"}
    scope: dict[str, Any] = {name: np.array(value, dtype=int if name in whole else float) for name, value in at.items()}
    scope["np"] = np
    exec(source, scope)
    return scope


@pytest.mark.parametrize("name", PASSES)
def test_what_people_write_is_right(name: str) -> None:
    source, at = PASSES[name]
    found = run(source, at)
    for wrt in at.keys() - {"dout", "y"}:
        slopes = np.zeros(np.shape(at[wrt]))
        for entry in np.ndindex(slopes.shape):
            ends = []
            for step in (1e-6, -1e-6):
                moved = np.array(at[wrt], dtype=float)
                moved[entry] += step
                ends.append(np.sum(run(source, at | {wrt: moved})["out"] * np.array(at["dout"])))
            slopes[entry] = (ends[0] - ends[1]) / 2e-6
        assert np.allclose(found[f"d{wrt}"], slopes, atol=1e-6), wrt
    judged = diagnose(source, Point(dict(at), frozenset()))
    assert judged.right and judged.leaves


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("affine", "np.reshape(x, (x.shape[0], -1)).T.dot(dout)", "x.T.dot(dout) / x.shape[0]", 4),
        ("attention", "dS.T @ Q", "dS @ Q", 9),
        ("batch norm", "(dxmu1 + dxmu2)", "(dxmu1)", 15),
        ("batch norm", "dx = dx1 + dx2", "dx = dx1", 17),
        ("lstm", "np.tanh(next_c)\ndn", "next_c\ndn", 11),
    ],
)
def test_a_slip_in_what_people_write_is_found_in_its_line(name: str, old: str, new: str, line: int) -> None:
    source, at = PASSES[name]
    assert old in source
    wrong = source.replace(old, new)
    found = diagnose(wrong, Point(dict(at), frozenset()))
    assert found.confirmed and [wrong.count("\n", 0, slip.span.start) + 1 for slip in found.slips] == [line]


def test_a_temporary_may_be_worked_out_before_the_first_gradient() -> None:
    text = "q = x*y\nr = q + x\nf = r*r\nt = 2*r\ndq = t\ndx = t\nt = y * dq\ndx += t\nt = x * dq\ndy = t\n"
    assert diagnose(text, Point({"x": 1.5, "y": 2.0}, frozenset())).right
    text = "h = x*y\nf = np.tanh(h)\ndout = 1.0\ndout = dout * (1 - f**2)\ndx = dout * y\ndy = dout * x\n"
    assert diagnose(text, Point({"x": 1.5, "y": 0.2}, frozenset())).right


def test_a_gradient_that_is_returned_and_never_assigned_is_missing_under_any_name() -> None:
    text = "def g(x, y):\n    f = x * y\n    # backward\n    dfdy = x\n    return f, dfdx, dfdy\n"
    (slip,) = diagnose(text, Point({"x": 1.5, "y": 2.0}, frozenset())).slips
    assert (slip.kind, slip.name) == ("missing", "dfdx")


def test_a_file_of_very_many_lines_is_refused() -> None:
    with pytest.raises(GradError, match="assignments"):
        diagnose("f = x*y\n" + "dx = y\n" * 120_000, Point({"x": 1.0, "y": 2.0}, frozenset()))
