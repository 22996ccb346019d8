"""The examples of Stanford's CS231n note "Backpropagation, Intuitions": the same numbers, names and order."""

from math import exp

import pytest
from calculation import calculate, staged

SIXTH = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
SPELLED_OUT = "(x + 1/(1 + exp(-y))) / (1/(1 + exp(-x)) + (x + y)**2)"
NEURON = "dot = w[0]*x[0] + w[1]*x[1] + w[2]; f = 1/(1 + exp(-dot))"
NEURON_AT = "w=[2,-3,-3],x=[-1,-2]"


@pytest.mark.parametrize(
    ("program", "point", "value", "gradient"),
    [
        ("q = x + y; f = q * z", "x=-2,y=5,z=-4", -12, {"x": -4, "y": -4, "z": 3}),
        ("x*y", "x=4,y=-3", -12, {"x": -3, "y": 4}),
        ("max(x, y)", "x=4,y=2", 4, {"x": 1, "y": 0}),
        ("2*(x*y + max(z, w))", "x=3,y=-4,z=2,w=-1", -20, {"x": -8, "y": 6, "z": 2, "w": 0}),
        (SIXTH, "x=3,y=-4", 1.5456448841066441, {"x": 2.0595697955721652, "y": 1.5922327514838093}),
    ],
)
def test_value_and_gradient(program, point, value, gradient):
    found = calculate(program, point)
    assert found.value == pytest.approx(value, rel=1e-15)
    assert found.gradient == pytest.approx(gradient, rel=1e-15)


def test_the_first_example_names_its_intermediate_gradient():
    q, f = calculate("q = x + y; f = q * z", "x=-2,y=5,z=-4").lines
    assert (q.name, q.value, q.gradient, f.name, f.gradient) == ("q", 3, -4, "f", 1)


def test_the_neuron():
    found = calculate(NEURON, NEURON_AT)
    assert (found.named["dot"].value, found.value) == (1, pytest.approx(0.7310585786300049, rel=1e-15))
    assert found.named["dot"].gradient == pytest.approx(0.19661193324148185, rel=1e-14)
    slopes = {"w[0]": -0.1966, "w[1]": -0.3932, "w[2]": 0.1966, "x[0]": 0.3932, "x[1]": -0.5898}
    assert {name: round(slope, 4) for name, slope in found.gradient.items()} == slopes


def test_the_neurons_circuit_one_elementary_gate_at_a_time():
    chain = calculate(NEURON, NEURON_AT, fuse=False).lines[-5:]
    assert [line.gate for line in chain] == ["add", "neg", "exp", "add", "div"]
    assert [round(line.value, 2) for line in chain] == [1, -1, 0.37, 1.37, 0.73]
    assert [round(line.gradient, 2) for line in chain] == [0.2, -0.2, -0.53, -0.53, 1]


@pytest.mark.parametrize("program", [SIXTH, SPELLED_OUT])
def test_the_stages_of_the_sixth_have_the_notes_names_in_the_notes_order(program):
    assert staged(program) == {
        "sigy": "sigmoid(y)",
        "num": "x + sigy",
        "sigx": "sigmoid(x)",
        "xpy": "x + y",
        "xpysqr": "xpy ** 2",
        "den": "sigx + xpysqr",
        "invden": "1 / den",
        "f": "num * invden",
    }


def test_the_backward_pass_of_the_sixth_runs_from_the_eighth_stage_to_the_first():
    x, y = 3.0, -4.0
    found = calculate(SIXTH, {"x": x, "y": y})
    value = {line.name: line.value for line in found.lines}
    assert value["sigy"] == pytest.approx(1 / (1 + exp(-y)), rel=1e-15)
    # From here on the lines are the note's own, and so is every bit of their results.
    dnum = value["invden"]
    dinvden = value["num"]
    dden = (-1.0 / (value["den"] ** 2)) * dinvden
    dsigx = (1) * dden
    dxpysqr = (1) * dden
    dxpy = (2 * value["xpy"]) * dxpysqr
    dx = (1) * dxpy
    dy = (1) * dxpy
    dx += ((1 - value["sigx"]) * value["sigx"]) * dsigx
    dx += (1) * dnum
    dsigy = (1) * dnum
    dy += ((1 - value["sigy"]) * value["sigy"]) * dsigy
    assert found.gradient == pytest.approx({"x": dx, "y": dy}, rel=4e-16)
    assert [line.gradient for line in reversed(found.lines)] == pytest.approx(
        [1, dinvden, dden, dxpysqr, dxpy, dsigx, dnum, dsigy], rel=4e-16
    )
