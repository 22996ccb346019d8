"""A check that never speaks up is worth nothing: an error planted in any row of the table must be found.

Every local gradient of every row is made wrong in turn, in the ways in which people get them wrong, and the
checks have to say so wherever that changes the gradient at the point.
"""

import random
import re
from collections.abc import Iterator
from math import isfinite
from typing import Any

import pytest

from gradcli import backward, rows
from gradcli.checks import checked
from gradcli.checks.verdict import Check
from gradcli.evaluate import Evaluation, evaluate
from gradcli.formula import formula
from gradcli.gates import GATES, Gate, parameters, variadic
from gradcli.graph import Node
from gradcli.point import Point, bind
from gradcli.printer import text_of
from gradcli.staging import stage

POINTS = 3
CHANGED = 1e-11  # relative; what changes a gradient by less is no error
RELATIVE = ("0.03", "0.001", "0.000001", "0.000000001")


@pytest.fixture(autouse=True)
def fresh_rows() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    """Rows are compiled once; a row that was changed has to be compiled again."""
    for compiled in (rows.value_function, rows.share_function, rows.kink_function):
        compiled.cache_clear()


# -- planting -------------------------------------------------------------------------------


def mistakes(gate: Gate, letter: str) -> Iterator[tuple[str, str]]:
    """Wrong rules for an operand, and what is wrong about them."""
    rule = gate.pullback.get(letter) or gate.partials.get(letter, "0")
    if rule == "0":
        yield "additive", "0.000000001"
        return
    for error in RELATIVE:
        yield f"relative {error}", f"({rule}) * (1 + {error})"
    yield "sign", f"-({rule})"
    for number, part in enumerate(formula(rule).operands):
        yield f"lost all but part {number}", text_of(part, lambda node: None)
    others = [other for other in [*parameters(gate), "out"] if other != letter]
    for other in others:
        yield f"{other} for {letter}", text_of(swapped(formula(rule), letter, other), lambda node: None)


def swapped(rule: Node, letter: str, other: str) -> Node:
    """The rule with two letters exchanged, as a node of the rule's own text."""
    words = {letter: other, other: letter}
    text = text_of(rule, lambda node: None)
    return formula(re.sub(r"[A-Za-z_]\w*", lambda word: words.get(word[0], word[0]), text))


def planted(gate: Gate, letter: str, rule: str) -> Gate:
    if gate.pullback:
        return gate._replace(pullback={**gate.pullback, letter: rule})
    return gate._replace(partials={**gate.partials, letter: rule})


def written(gate: Gate) -> str:
    """The gate as a program of its own parameters, and something around it."""
    own = gate.form.replace(", ...", "")
    return f"g = {own}; sin(g) + 2*g"


def points(gate: Gate) -> Iterator[dict[str, float]]:
    chance = random.Random(gate.name)
    for _ in range(POINTS):
        yield {letter: chance.uniform(*near) for letter, near in zip(parameters(gate), gate.near, strict=True)}


def evaluated(gate: Gate, point: dict[str, float]) -> Evaluation:
    program = stage(written(gate))
    return evaluate(program, bind(program, Point(dict(point), frozenset()))[0])


def gradients(evaluation: Evaluation) -> list[float]:
    return [evaluation.gradient(leaf) for leaf in evaluation.program.inputs]


def differs(before: list[float], after: list[float]) -> bool:
    pairs = list(zip(before, after, strict=True))
    return any(abs(a - b) > CHANGED * abs(b) or isfinite(a) != isfinite(b) for b, a in pairs)


CASES = [
    pytest.param(gate, letter, rule, id=f"{gate.name}-{letter}-{what}")
    for gate in GATES.values()
    if not variadic(gate)
    for letter in parameters(gate)
    for what, rule in mistakes(gate, letter)
]


@pytest.mark.parametrize(("gate", "letter", "rule"), CASES)
def test_an_error_in_a_row_is_found(gate: Gate, letter: str, rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, point in enumerate(points(gate)):
        right = gradients(evaluated(gate, point))
        monkeypatch.setitem(GATES, gate.name, planted(gate, letter, rule))
        forget()
        wrong = evaluated(gate, point)
        if differs(right, gradients(wrong)):
            methods = ["numeric", "sympy"] if number == 0 else ["numeric"]
            assert_found(checked(wrong, methods), point)
        monkeypatch.setitem(GATES, gate.name, gate)
        forget()


def assert_found(checks: list[Check], point: dict[str, float]) -> None:
    numeric, *others = checks
    assert numeric.status == "disagrees", (point, numeric)
    assert all(check.status in ("disagrees", "skipped") for check in others), (point, others)


@pytest.mark.parametrize("name", [gate.name for gate in GATES.values() if variadic(gate)])
@pytest.mark.parametrize("factor", [1.03, 1.001, 1 + 1e-6, 1 + 1e-9, -1.0])
def test_an_error_in_the_shares_of_max_and_min_is_found(
    name: str, factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = backward.routed

    def wrong(*args: Any) -> list[float | None]:
        return [share and factor * share for share in honest(*args)]

    monkeypatch.setattr(backward, "routed", wrong)
    for point in points(GATES[name]):
        assert_found(checked(evaluated(GATES[name], point), ["numeric", "sympy"]), point)


def test_right_rows_are_not_called_wrong() -> None:
    for gate in GATES.values():
        for point in points(gate):
            for check in checked(evaluated(gate, point), ["numeric", "sympy", "forward", "difference"]):
                assert check.status != "disagrees", (gate.name, point, check)
