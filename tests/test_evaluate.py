"""Evaluation: IEEE rules, ties and routing, conventions at kinks, and the order in which gradients accumulate."""

import random
from itertools import product
from math import copysign, exp, inf, isnan, nan, sin

import pytest
from calculation import calculate

from gradcli.backward import TIES
from gradcli.evaluate import evaluate
from gradcli.gates import GATES, parameters
from gradcli.point import Point, bind
from gradcli.staging import stage


def slopes(text: str, ties: str = "first", **point: float) -> dict[str, float]:
    return calculate(text, point, ties).gradient


# -- nothing raises because of a value ----------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 5e-324, 1e-308, 1e308, -1e308, inf, -inf, nan]
OF_ONE = [gate for gate in GATES.values() if len(parameters(gate)) == 1]
OF_TWO = [gate for gate in GATES.values() if len(parameters(gate)) == 2]


@pytest.mark.parametrize("gate", OF_ONE, ids=lambda gate: gate.name)
@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
def test_no_gate_raises_at_any_float(gate, fuse):
    for x in SPECIAL:
        found = calculate(gate.form, {parameters(gate)[0]: x}, fuse=fuse)
        assert all(isinstance(number, float) for number in (found.value, *found.gradient.values()))


@pytest.mark.parametrize("gate", OF_TWO, ids=lambda gate: gate.name)
@pytest.mark.parametrize("ties", TIES)
def test_no_gate_raises_at_any_pair_of_floats(gate, ties):
    program = stage(gate.form.replace(", ...", ""))
    for pair in product(SPECIAL, SPECIAL):
        leaves, _ = bind(program, Point(dict(zip(parameters(gate), pair, strict=True)), frozenset()))
        evaluation = evaluate(program, leaves, ties)
        assert all(isinstance(evaluation.gradient(leaf), float) for leaf in program.inputs)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("log(-1)", nan),
        ("sqrt(-1)", nan),
        ("(-8)**(1/3)", nan),
        ("asin(2)", nan),
        ("0/0", nan),
        ("1/0 - 1/0", nan),
        ("0*(1/0)", nan),
        ("sin(1/0)", nan),
        ("1/0", inf),
        ("1/-0.0", -inf),
        ("-1/0", -inf),
        ("1e308*10", inf),
        ("exp(1000)", inf),
        ("10**400", inf),
        ("(-10)**401", -inf),
        ("0**-1", inf),
        ("(-0.0)**-1", -inf),
        ("(-0.0)**-2", inf),
        ("0**0", 1.0),
        ("(0/0)**0", 1.0),
        ("1**(0/0)", 1.0),
        ("(-1)**(1/0)", 1.0),
        ("max(1, 0/0)", nan),
        ("min(0/0, 1)", nan),
        ("floor(-1/0)", -inf),
        ("ceil(0/0)", nan),
        ("sign(0/0)", nan),
        ("(1/0 == 1/0) + (0/0 == 0/0)", 1.0),
        ("0/0 != 0/0", 1.0),
        ("5e-324/2", 0.0),
        ("4e-324*1", 5e-324),
        ("0.1 + 0.2", 0.30000000000000004),
        ("cbrt(-1)", -1.0),
        ("atan2(0, -1)", 3.141592653589793),
        ("atan2(-0.0, -1)", -3.141592653589793),
    ],
)
def test_ieee_rules(text, value):
    found = calculate(text).value
    assert found == value or (isnan(found) and isnan(value))


@pytest.mark.parametrize("text", ["-0.0", "0*-1", "sqrt(-0.0)*-1", "floor(-0.0)", "ceil(-0.5)", "1/(-1/0)"])
def test_zeros_keep_their_sign(text):
    assert calculate(text).value == 0
    assert copysign(1, calculate(text).value) == -1


@pytest.mark.parametrize("function", ["log", "log2", "log10", "log1p", "acosh", "atanh", "sqrt", "asin", "acos"])
def test_outside_the_domain_the_slope_is_nan_also_behind_other_gates(function):
    assert isnan(slopes(f"3*{function}(x)**2 + x", x=-7.0)["x"])


# -- ties ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ties", "pair", "triple"),
    [
        ("first", [1, 0], [1, 0, 0]),
        ("last", [0, 1], [0, 0, 1]),
        ("split", [0.5, 0.5], [1 / 3, 1 / 3, 1 / 3]),
        ("both", [1, 1], [1, 1, 1]),
    ],
)
@pytest.mark.parametrize("gate", ["max", "min"])
def test_the_four_rules_at_a_tie(gate, ties, pair, triple):
    assert list(slopes(f"{gate}(x, y)", ties, x=2.0, y=2.0).values()) == pair
    assert list(slopes(f"{gate}(x, y, z)", ties, x=2.0, y=2.0, z=2.0).values()) == triple


@pytest.mark.parametrize("ties", TIES)
def test_away_from_ties_the_rules_agree(ties):
    assert slopes("3*max(x, y, z)", ties, x=1.0, y=5.0, z=-2.0) == {"x": 0, "y": 3, "z": 0}
    assert slopes("3*min(x, y, z)", ties, x=1.0, y=5.0, z=-2.0) == {"x": 0, "y": 0, "z": 3}


def test_only_the_equal_operands_share():
    assert slopes("max(a, b, c, d)", "split", a=1.0, b=4.0, c=4.0, d=0.0) == {"a": 0, "b": 0.5, "c": 0.5, "d": 0}
    assert slopes("max(a, b, c, d)", "last", a=1.0, b=4.0, c=4.0, d=0.0) == {"a": 0, "b": 0, "c": 1, "d": 0}


@pytest.mark.parametrize(("ties", "slope"), [("first", 1), ("last", 1), ("split", 1), ("both", 2)])
def test_an_operand_tied_with_itself(ties, slope):
    found = calculate("max(x, x)", {"x": 3.0}, ties)
    assert found.gradient == {"x": slope}
    assert found.warnings == []


def test_both_reads_the_notes_two_formulas_literally():
    for x, y in ((1.0, 2.0), (2.0, 1.0), (2.0, 2.0)):
        assert slopes("max(x, y)", "both", x=x, y=y) == {"x": 1.0 * (x >= y), "y": 1.0 * (y >= x)}


# -- routing ------------------------------------------------------------------------------


@pytest.mark.parametrize("above", ["exp(1000)", "(0/0)", "-exp(1000)"])
@pytest.mark.parametrize(
    ("gate", "point", "unchosen"),
    [
        ("max(x, y)", {"x": 1.0, "y": 2.0}, "x"),
        ("min(x, y)", {"x": 1.0, "y": 2.0}, "y"),
        ("where(1, x, y)", {"x": 1.0, "y": 2.0}, "y"),
        ("where(0, x, y)", {"x": 1.0, "y": 2.0}, "x"),
        ("relu(x)", {"x": -1.0}, "x"),
        ("abs(x)", {"x": 0.0}, "x"),
        ("relu(x)", {"x": 0.0}, "x"),
    ],
)
def test_what_is_not_chosen_receives_zero_whatever_arrives(above, gate, point, unchosen):
    found = calculate(f"{gate}*{above}", point)
    assert found.gradient[unchosen] == 0
    assert all(not abs(slope) < inf for name, slope in found.gradient.items() if name != unchosen)


def test_a_branch_that_is_not_taken_shows_its_nan():
    found = calculate("where(x > 0, sqrt(x), 0)", {"x": -1.0})
    assert found.value == 0
    assert isnan(found.gradient["x"])
    assert slopes("where(x > 0, sqrt(where(x > 0, x, 1)), 0)", x=-1.0) == {"x": 0}


@pytest.mark.parametrize("gate", ["max(x, y)", "min(x, y)", "max(y, x)", "min(y, x)", "max(1, y, x)"])
@pytest.mark.parametrize("ties", TIES)
def test_nan_in_one_operand_makes_every_slope_nan(gate, ties):
    found = calculate(gate, {"x": nan, "y": 2.0}, ties)
    assert isnan(found.value)
    assert all(isnan(slope) for slope in found.gradient.values())


@pytest.mark.parametrize("gate", ["relu", "abs", "leaky_relu"])
def test_nan_goes_through_gates_that_route(gate):
    found = calculate(f"{gate}(x)", {"x": nan})
    assert isnan(found.value)
    assert isnan(found.gradient["x"])


# -- conventions at kinks -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "point", "gradient"),
    [
        ("relu(x)", {"x": 0.0}, {"x": 0.0}),
        ("relu(x)", {"x": -0.0}, {"x": 0.0}),
        ("abs(x)", {"x": 0.0}, {"x": 0.0}),
        ("sign(x)", {"x": 2.0}, {"x": 0.0}),
        ("floor(x)", {"x": 2.0}, {"x": 0.0}),
        ("ceil(x)", {"x": 2.5}, {"x": 0.0}),
        ("hypot(x, y)", {"x": 0.0, "y": 0.0}, {"x": 0.0, "y": 0.0}),
        ("sqrt(x)", {"x": 0.0}, {"x": inf}),
        ("x**0", {"x": 0.0}, {"x": 0.0}),
        ("x**0", {"x": 3.0}, {"x": 0.0}),
        ("x**y", {"x": 0.0, "y": 2.0}, {"x": 0.0, "y": 0.0}),
        ("0**y", {"y": 2.0}, {"y": 0.0}),
        ("x**2", {"x": -3.0}, {"x": -6.0}),
        ("x**3", {"x": 0.0}, {"x": 0.0}),
        ("x**-2", {"x": -2.0}, {"x": 0.25}),
        ("x**1", {"x": 0.0}, {"x": 1.0}),
        ("leaky_relu(x)", {"x": -2.0}, {"x": 0.01}),
    ],
)
def test_conventions(text, point, gradient):
    assert calculate(text, point).gradient == gradient


def test_the_slopes_of_sigmoid_and_tanh_are_the_notes_formulas_bit_for_bit():
    for x in (-30.0, -1.5, -0.1, 0.3, 2.0, 17.0, 40.0):
        out = calculate("sigmoid(x)", {"x": x}).value
        assert slopes("sigmoid(x)", x=x) == {"x": (1 - out) * out}
        out = calculate("tanh(x)", {"x": x}).value
        assert slopes("tanh(x)", x=x) == {"x": 1 - out**2}


def test_values_are_those_of_the_formula_as_written():
    assert calculate("log(1 + exp(x))", {"x": 1000.0}).value == inf
    assert calculate("(x + 1e16) - 1e16", {"x": 1.0}).value == 0
    assert calculate("x/3*3", {"x": 0.1}).value == 0.1 / 3 * 3
    assert calculate("exp(log(x))", {"x": 10.0}).value == pytest.approx(10.0, rel=1e-15)


# -- accumulation -------------------------------------------------------------------------


def test_contributions_are_added_in_the_order_of_the_backward_pass():
    """Lines in reverse, operands from left to right: ((third + second) + first), to the last bit."""
    source = random.Random(7)
    orders = set()
    for _ in range(200):
        a, b, c = (source.uniform(-1, 1) * 10 ** source.uniform(-3, 3) for _ in range(3))
        found = calculate("p = a*x; q = b*x; r = c*x; f = p + q + r", {"x": 1.0, "a": a, "b": b, "c": c})
        assert found.gradient["x"] == (c + b) + a
        orders.add((c + b) + a == (a + b) + c)
    assert orders == {True, False}  # the order shows


def test_a_line_that_uses_an_operand_twice_sends_both_from_left_to_right():
    source = random.Random(8)
    for _ in range(100):
        a, b, c = (source.uniform(-1, 1) * 10 ** source.uniform(-3, 3) for _ in range(3))
        assert slopes("a*x + b*x + c*x", a=a, b=b, c=c, x=2.0)["x"] == (a + b) + c


def test_the_note_function_accumulates_as_the_note_does():
    source = random.Random(9)
    for _ in range(100):
        point = {"x": source.uniform(-3, 3), "y": source.uniform(-3, 3)}
        found = calculate("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", point)
        value = {name: line.value for name, line in found.named.items()}
        gradient = {name: line.gradient for name, line in found.named.items()}
        dx = gradient["xpy"]
        dx += (1 - value["sigx"]) * value["sigx"] * gradient["sigx"]
        dx += gradient["num"]
        dy = gradient["xpy"]
        dy += (1 - value["sigy"]) * value["sigy"] * gradient["sigy"]
        assert found.gradient == {"x": dx, "y": dy}


def test_a_gradient_is_the_local_gradient_times_what_arrives():
    found = calculate("y = sin(x); z = exp(y); f = z*z", {"x": 0.7})
    y = sin(0.7)
    z = exp(y)
    assert found.named["z"].gradient == z + z
    assert found.named["y"].gradient == z * (z + z)


# -- --wrt --------------------------------------------------------------------------------


def test_wrt_limits_the_gradient_and_keeps_its_bits():
    text = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2) + x*z"
    point = {"x": 3.0, "y": -4.0, "z": 0.1}
    whole = calculate(text, point)
    for names in (["x"], ["y"], ["x", "z"], ["x", "y", "z"]):
        part = calculate(text, point, wrt=names)
        assert part.value == whole.value
        assert {name: part.gradient[name] for name in names} == {name: whole.gradient[name] for name in names}
        assert all(part.gradient[name] == 0 for name in point if name not in names)


def test_what_leads_only_to_other_inputs_has_no_gradient():
    found = calculate("exp(x)*sin(w)", {"x": 1.0, "w": 2.0}, wrt=["w"])
    assert (found.named["expx"].gradient, found.gradient["x"]) == (0, 0)
    assert found.named["sinw"].gradient == exp(1.0)
