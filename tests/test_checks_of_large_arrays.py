"""Arrays too large to be written out: right gradients are not called wrong, and errors are found in a sample."""

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcli.calculate import calculated
from gradcli.checks import checked, sampled
from gradcli.evaluate import Evaluation
from gradcli.point import Point
from gradcli.staging import stage

LAYERS = "H1 = maximum(0, X @ W1 + b1); s = H1 @ W2 + b2; z = s - max(s, axis=1, keepdims=True); "
NET = LAYERS + "L = mean(log(sum(exp(z), axis=1)) - z[arange(X.shape[0]), y]) + 1e-3 * (sum(W1**2) + sum(W2**2))"
SVM = "s = X @ W1 @ W2; m = maximum(0, s - s[arange(64), y][:, None] + 1); L = mean(sum(m, axis=1))"
SMOOTH = "Z = tanh(X @ W1); n = (Z - mean(Z, axis=0)) / sqrt(var(Z, axis=0) + 1e-5); P = softmax(n @ W2); sum(P * P)"
ABOVE = "D = sigmoid(X @ W1 + b1)"
PROGRAMS = {"net": NET, "svm": SVM, "normalised": SMOOTH, "above": ABOVE}
METHODS = ["numeric", "forward"]
ITEMS = [json.loads(line) for line in (Path(__file__).parent / "data" / "arrays.jsonl").open(encoding="utf-8")]


def point() -> dict[str, Any]:
    numbers = np.random.default_rng(3)
    return {
        "X": numbers.normal(size=(64, 100)).tolist(),
        "W1": (numbers.normal(size=(100, 50)) * 0.1).tolist(),
        "b1": (numbers.normal(size=50) * 0.1).tolist(),
        "W2": (numbers.normal(size=(50, 10)) * 0.1).tolist(),
        "b2": [0.0] * 10,
        "y": [float(number) for number in numbers.integers(0, 10, 64)],
        "dD": numbers.normal(size=(64, 50)).tolist(),
    }


@cache
def evaluated(text: str) -> Evaluation:
    return calculated(stage(text), Point(point(), frozenset(point()))).evaluation


@pytest.mark.parametrize("name", PROGRAMS)
def test_right_gradients_are_not_called_wrong_and_the_sample_is_told(name: str) -> None:
    numeric, forward = checked(evaluated(PROGRAMS[name]), METHODS)
    assert (numeric.status, forward.status) == ("agrees", "agrees")
    assert re.search(r"a sample: \d+ entries and 2 directions$", numeric.reason)
    assert re.search(r"a sample: 3 directions, each gate by differences$", forward.reason)
    assert numeric.difference < 1e-6 and forward.difference < 1e-6


@pytest.mark.parametrize("factor", [-1.0, 1.001, 0.0])
@pytest.mark.parametrize("name", ["X", "W1", "b1", "W2", "b2"])
def test_a_wrong_gradient_of_one_variable_is_found(name: str, factor: float) -> None:
    right = evaluated(NET)
    (leaf,) = (leaf for leaf in right.program.inputs if str(leaf.static) == name)
    gradients = list(right.gradients)
    gradients[leaf.index] = gradients[leaf.index] * factor
    for check in checked(right._replace(gradients=gradients), METHODS):
        assert check.status == "disagrees"


def test_a_wrong_row_of_a_gradient_is_found_along_directions() -> None:
    right = evaluated(NET)
    (leaf,) = (leaf for leaf in right.program.inputs if str(leaf.static) == "W2")
    gradients = list(right.gradients)
    gradients[leaf.index] = np.vstack([gradients[leaf.index][:-1], gradients[leaf.index][-1:] * 1.5])
    assert [check.status for check in checked(right._replace(gradients=gradients), METHODS)] == ["disagrees"] * 2


def test_the_sample_is_the_same_in_each_run() -> None:
    assert checked(evaluated(NET), METHODS) == checked(evaluated(NET), METHODS)


def test_only_what_was_asked_for_is_looked_at() -> None:
    (check,) = checked(evaluated(NET), ["numeric"], ["W2"])
    assert {part.name.partition("[")[0] for part in check.parts} == {"dW2", "direction 1", "direction 2"}


def test_at_kinks_there_is_no_answer_and_no_alarm() -> None:
    at = {"x": [0.0] * 6000, "w": [1.0] * 6000}
    evaluation = calculated(stage("sum(relu(x) * w) + sum(max(w, 1))"), Point(at, frozenset())).evaluation
    assert [check.status for check in checked(evaluation, METHODS)] == ["skipped"] * 2


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_on_small_arrays_the_sample_says_what_the_other_ways_say(item: dict[str, Any]) -> None:
    evaluation = calculated(stage(str(item["expr"])), Point(dict(item["at"]), frozenset())).evaluation
    if evaluation.program.shapes:
        assert sampled.numeric(evaluation, None).status != "disagrees"
        assert sampled.forward(evaluation, None).status != "disagrees"


def test_an_array_has_no_slope_on_one_side() -> None:
    command = [sys.executable, "-m", "gradcli", "check", "sum(X @ w) * s", "--at", "X=[[1,2]],w=[3,4],s=2", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    sides = {part["name"]: (part["left"], part["right"]) for part in found["gradients"]}
    assert (sides["dX"], sides["dw"], sides["ds"]) == ((None, None), (None, None), (11.0, 11.0))
