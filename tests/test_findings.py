"""Warnings: each names the stage, the place and the reason, once; and there is none without a reason."""

from math import inf, nan

import pytest
from calculation import calculate

from gradcli.gates import GATES


def warnings(text: str, ties: str = "first", **point: float) -> list[tuple[str, str, str]]:
    """Kind, stage and the text under the span of each warning."""
    return [
        (found.kind, found.stage, text[found.span.start : found.span.end])
        for found in calculate(text, point, ties).warnings
    ]


def messages(text: str, ties: str = "first", **point: float) -> str:
    return "\n".join(found.message for found in calculate(text, point, ties).warnings)


@pytest.mark.parametrize(
    ("text", "point"),
    [
        ("x*y", {"x": 3.0, "y": 0.0}),
        ("max(x, y)", {"x": 1.0, "y": 2.0}),
        ("max(x, x)", {"x": 1.0}),
        ("max(2, 2)*x", {"x": 1.0}),
        ("relu(x) + abs(x)", {"x": 1e-300}),
        ("floor(x) + ceil(x)", {"x": 2.5}),
        ("sqrt(x)", {"x": 1e-300}),
        ("where(x > 0, x, 0)", {"x": 0.0}),
        ("softplus(x) + sigmoid(x)", {"x": 1000.0}),
        ("q = x*x; f = q + q", {"x": 1.0}),
    ],
)
def test_where_all_is_well_nothing_is_said(text, point):
    assert warnings(text, **point) == []


# -- ties and kinks -----------------------------------------------------------------------


def test_a_tie_names_its_stage_and_place():
    assert warnings("z*max(x, y)", x=2.0, y=2.0, z=1.0) == [("tie", "maxxy", "max(x, y)")]


@pytest.mark.parametrize(
    ("ties", "words"),
    [("first", "the first"), ("last", "the last"), ("split", "equal shares"), ("both", "each")],
)
def test_a_tie_says_which_rule_was_applied(ties, words):
    message = messages("min(x, y)", ties, x=2.0, y=2.0)
    assert words in message
    assert f"--ties {ties}" in message
    assert "2.0" in message


def test_a_tie_with_a_constant_is_a_tie():
    assert warnings("max(x, 0)", x=0.0) == [("tie", "f", "max(x, 0)")]


KINKS = {"relu": 0.0, "abs": 0.0, "sign": 0.0, "leaky_relu": 0.0, "floor": 3.0, "ceil": -2.0}


@pytest.mark.parametrize("gate", KINKS)
def test_a_kink_names_its_stage_and_convention(gate):
    text = f"y + {gate}(x)"
    ((kind, stage, place),) = warnings(text, x=KINKS[gate], y=1.0)
    assert (kind, place) == ("kink", f"{gate}(x)")
    assert stage in calculate(text, {"x": KINKS[gate], "y": 1.0}).stages
    assert GATES[gate].custom in messages(text, x=KINKS[gate], y=1.0)


def test_every_gate_with_a_kink_at_a_point_is_covered_here():
    single = {gate.name for gate in GATES.values() if gate.kink} - {"hypot"}
    assert single == set(KINKS)
    assert warnings("hypot(x, y)", x=0.0, y=0.0) == [("kink", "f", "hypot(x, y)")]


def test_a_kink_is_reported_once_however_often_it_is_used():
    assert warnings("relu(x) + relu(x)*relu(x)", x=0.0) == [("kink", "relux", "relu(x)")]


def test_two_kinks_are_two_warnings():
    assert [stage for _, stage, _ in warnings("relu(x)*abs(y)", x=0.0, y=0.0)] == ["relux", "absy"]


# -- nan and inf --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "point", "stage", "place", "value"),
    [
        ("y*log(x)", {"x": -1.0, "y": 1.0}, "logx", "log(x)", "nan"),
        ("y + 1/x", {"x": 0.0, "y": 1.0}, "invx", "1/x", "inf"),
        ("sin(x/y)", {"x": 0.0, "y": 0.0}, "xovery", "x/y", "nan"),
        ("exp(x)*0.5", {"x": 1000.0}, "expx", "exp(x)", "inf"),
        ("y - x*x", {"x": 1e200, "y": 1.0}, "xx", "x*x", "inf"),
    ],
)
def test_the_stage_where_a_value_turns_nan_or_inf_is_named(text, point, stage, place, value):
    first = calculate(text, point).warnings[0]
    assert (first.kind, first.stage, text[first.span.start : first.span.end]) == ("nonfinite", stage, place)
    assert value in first.message
    assert all(f"{name} = {point[name]!r}" in first.message for name in point if name in place)


@pytest.mark.parametrize("x", [nan, inf, -inf])
def test_an_input_that_is_not_finite_is_named(x):
    first = calculate("x + y", {"x": x, "y": 1.0}).warnings[0]
    assert (first.kind, first.stage) == ("nonfinite", "x")
    assert str(x) in first.message


def test_zero_times_infinity_names_its_stage():
    assert ("nonfinite", "zerox", "0*x") in warnings("0*x + y", x=inf, y=1.0)


def test_a_gradient_that_turns_infinite_is_named_with_what_sent_it():
    assert warnings("y + sqrt(x)", x=0.0, y=1.0) == [("nonfinite", "x", "x")]
    message = messages("y + sqrt(x)", x=0.0, y=1.0)
    assert "dx is inf" in message
    assert "sqrt(x)" in message


def test_only_the_first_gradient_of_a_chain_is_named():
    assert [stage for _, stage, _ in warnings("sqrt(sin(x)*y)", x=0.0, y=1.0)] == ["sinxy"]


def test_overflow_of_the_spelled_out_softplus_names_the_gate():
    assert "softplus" in messages("log(1 + exp(x))", x=1000.0)
    assert "softplus" in messages("y*log(exp(x) + 1)", x=1000.0, y=2.0)
    assert "softplus" not in messages("log(2 + exp(x))", x=1000.0)
    assert "softplus" not in messages("exp(x)", x=1000.0)


def test_nan_out_of_a_branch_that_was_not_taken_comes_with_the_guard():
    message = messages("where(x > 0, sqrt(x), 0)", x=-1.0)
    assert "guard" in message
    assert "where(c, g(where(c, x, 1)), 0)" in message
    assert messages("where(x > 0, sqrt(where(x > 0, x, 1)), 0)", x=-1.0) == ""


def test_the_guard_is_not_proposed_where_there_is_no_branch():
    assert "guard" not in messages("sqrt(x)", x=0.0)


# -- statements that nothing uses ---------------------------------------------------------


def test_a_statement_that_nothing_uses_is_remarked_once():
    assert warnings("q = x*y; r = q*q; f = x", x=1.0, y=2.0) == [("remark", "q", "x*y"), ("remark", "r", "q*q")]


def test_the_names_of_warnings_are_names_of_stages_or_inputs():
    text = "relu(x)*max(y, y*1)/z + log(z)"
    found = calculate(text, {"x": 0.0, "y": 0.0, "z": 0.0})
    assert len(found.warnings) >= 4
    assert {warning.stage for warning in found.warnings} <= {*found.stages, *found.gradient}
