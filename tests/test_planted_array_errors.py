"""The same for the rows of arrays: an error planted in the rule of any of them must be found.

A flipped sign, a lost factor or transpose, an axis in place of another: each by numeric and forward, and by sympy
where it has an answer; right rules are never called wrong.
"""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from test_arrays import ITEMS, lists

from gradcli.array_gates import ARRAY_ROWS
from gradcli.calculate import calculated, varying
from gradcli.checks import checked
from gradcli.evaluate import Evaluation
from gradcli.gates import Gate
from gradcli.graph import Graph, Node
from gradcli.point import Point
from gradcli.staging import stage

ROWS = {gate.name: gate for gate in ARRAY_ROWS if gate.pullback}
FACTORS = ("-({})", "({}) * 1.03", "({}) * (1 + 0.000001)", "({}) + 0.001")
# What is lost, or put in place of something else, wherever a rule has it.
SWAPS = (
    (r"\b([AB])\.T\b", r"\1"), (r"\bout\.T\b", "out"), (r"mT\((\w)\)", r"\1"), (r"\.T$", ""), (r"\(2 \* \(A", "((A"),
    (r" / size\(A, axis=axis(, ddof=ddof)?\)", ""), (r" \* others\(.*\)", ""), (r" \* [ab]\b", ""),
    (r"- sum\(.*\)\)", "+ 0*out)"), (r"exp\(out\) \* ", ""), (r"outer\(dout, (\w+)\)", r"outer(\1, dout)"),
    (r"outer\((\w), dout\)", r"outer(dout, \1)"), (r"dout @ B\.T", "(B @ dout.T)"),
    (r"keepdims=True", "keepdims=False"),
)  # fmt: skip
# Square and unsymmetric, so that what is wrong still fits.
EXAMPLES = {
    "matmul": "sum(sin(A @ B))", "dot": "sin(v @ w)", "matvec": "sum(sin(A @ v))", "vecmat": "sum(sin(v @ A))",
    "bmm": "sum(sin(C @ D))", "outer": "sum(sin(outer(v, w)) * A)", "transpose": "sum(sin(A.T) * B)",
    "permute": "sum(sin(transpose(C, (1, 2, 0))) * D)", "reshape": "sum(sin(reshape(A, (9,))) * D[0, 0, 0])",
    "index": "sum(sin(A[1:, 0]))",
    "pick": "sum(sin(A[y]) * B)",
    "pick2": "sum(sin(A[y, z]) * v)",
    "concatenate": "sum(sin(concatenate([A, B])) * reshape(C[:2], (6, 3)))",
    "stack": "sum(sin(stack([A, B])) * C[1:])",
    "sum": "sum(sin(sum(A, axis=0)) * v)",
    "mean": "sum(sin(mean(A, axis=1)) * v)",
    "prod": "sum(sin(prod(A, axis=0)) * v)",
    "amax": "sum(sin(max(A, axis=0)) * v)",
    "amin": "sum(sin(min(A, axis=1)) * v)",
    "var": "sum(sin(var(A, axis=0)) * v)",
    "std": "sum(sin(std(A, axis=1)) * v)",
    "norm": "sum(sin(norm(A, axis=0)) * v)",
    "logsumexp": "sum(sin(logsumexp(A, axis=1)) * v)",
    "softmax": "sum(sin(softmax(A)) * B)",
    "log_softmax": "sum(sin(log_softmax(A, axis=0)) * B)",
    "cumsum": "sum(sin(cumsum(A, axis=1)) * B)",
    "trace": "sin(trace(A))",
    "det": "sin(det(A))",
    "inv": "sum(sin(inv(A)) * B)",
    "solve": "sum(sin(solve(A, B)) * B)",
    "solve_vector": "sum(sin(solve(A, v)) * w)",
}  # fmt: skip
AT = {name: lists((3, 3), seed) for seed, name in enumerate("AB", 1)}
AT |= {name: lists((3,), seed) for seed, name in enumerate("vw", 5)}
AT |= {name: lists((3, 3, 3), seed) for seed, name in enumerate("CD", 9)}
AT |= {"y": [2.0, 0.0, 2.0], "z": [1.0, 1.0, 2.0]}


def wrong_rules(rule: str) -> Iterator[str]:
    """A rule with a mistake in it, in every way in which people make one."""
    for factor in FACTORS:
        yield factor.format(rule)
    for before, after in SWAPS:
        if (other := re.sub(before, after, rule)) != rule:
            yield other


def planted(monkeypatch: pytest.MonkeyPatch, gate: Gate, letter: str, rule: str) -> None:
    """From now on the backward pass has the wrong rule of a row, and nothing else has."""
    wrong = gate._replace(pullback={**gate.pullback, letter: rule})

    def with_wrong(node: Node) -> None:
        node.gate = wrong

    honest = Graph.array

    def array(self: Graph, row: Gate, *args: object, **kwargs: object) -> Node:
        node = honest(self, row, *args, **kwargs)  # type: ignore[arg-type]
        if row.name == gate.name:
            with_wrong(node)
        return node

    monkeypatch.setattr(Graph, "array", array)


def evaluated(text: str) -> Evaluation:
    program = stage(text)
    point = {name: AT[name] for name in program.variables}
    return calculated(program, Point(point, frozenset())).evaluation


def gradients(evaluation: Evaluation) -> list[np.ndarray]:
    return [np.asarray(evaluation.gradient(leaf)) for leaf in evaluation.program.inputs]


CASES = [
    pytest.param(name, letter, rule, id=f"{name}-{letter}-{rule}")
    for name in EXAMPLES
    for letter in ROWS[name].pullback
    for rule in wrong_rules(ROWS[name].pullback[letter])
]


@pytest.mark.parametrize(("name", "letter", "rule"), CASES)
def test_an_error_in_a_row_of_arrays_is_found(
    name: str, letter: str, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = gradients(evaluated(EXAMPLES[name]))
    planted(monkeypatch, ROWS[name], letter, rule)
    try:
        wrong = evaluated(EXAMPLES[name])
        differs = any(np.max(np.abs(a - b)) > 1e-11 for a, b in zip(right, gradients(wrong), strict=True))
    except (ValueError, AssertionError):
        return  # what does not fit needs no check
    if differs:
        for check in checked(wrong, ["numeric", "forward", "sympy"], varying(wrong.program)):
            assert check.status == "disagrees" or (check.method == "sympy" and check.status == "skipped"), check


def test_every_row_has_an_example() -> None:
    assert set(EXAMPLES) == set(ROWS)


@pytest.mark.parametrize("ties", ["first", "last", "split", "both"])
@pytest.mark.parametrize(
    "text",
    ["max(v)", "sum(min(A, axis=0) * w)", "sum(max(v, w))", "sum(max(A, v) * A)", "sum(relu(A))", "norm(u)", "std(u)"],
)
def test_ties_and_kinks_of_arrays_are_no_errors(text: str, ties: str) -> None:
    program = stage(text)
    at = {"v": [1.0, 5.0, 5.0], "w": [1.0, 2.0, 5.0], "u": [0.0, 0.0], "A": [[1.0, 0.0, 5.0], [1.0, 0.0, 5.0]]}
    evaluation = calculated(
        program, Point({name: at[name] for name in program.variables}, frozenset()), ties
    ).evaluation
    for check in checked(evaluation, ["numeric", "forward", "sympy", "difference"]):
        assert check.status != "disagrees", check
        assert check.method == "difference" or check.verdict in ("kink", "boundary", "skipped", "convention"), check


def test_the_gradient_from_above_is_part_of_what_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    point = {"A": AT["A"], "B": AT["B"], "dD": AT["B"]}
    right = calculated(stage("D = A @ B"), Point(dict(point), frozenset())).evaluation
    assert all(check.status == "agrees" for check in checked(right, ["numeric", "forward", "sympy", "difference"]))
    planted(monkeypatch, ROWS["matmul"], "A", "dout @ B")
    wrong = calculated(stage("D = A @ B"), Point(dict(point), frozenset())).evaluation
    assert all(check.status == "disagrees" for check in checked(wrong, ["numeric", "forward", "sympy", "difference"]))


def test_of_a_large_program_a_sample_is_checked_the_same_in_each_run() -> None:
    point = {"A": lists((9, 8), 1), "B": lists((8, 9), 2)}
    evaluation = calculated(stage("sum(sin(A @ B))"), Point(dict(point), frozenset())).evaluation
    first, again = (checked(evaluation, ["numeric"])[0] for _ in range(2))
    assert first == again
    assert (first.status, first.verdict) == ("agrees", "agrees")
    assert re.fullmatch(r"a sample: \d+ inputs, \d+ stages and 2 directions", first.reason)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_right_rules_over_arrays_are_not_called_wrong(item: dict[str, object]) -> None:
    evaluation = calculated(stage(str(item["expr"])), Point(dict(item["at"]), frozenset())).evaluation  # type: ignore[call-overload]
    for check in checked(evaluation, ["numeric", "forward", "difference"], varying(evaluation.program)):
        assert check.status == "agrees", check
        assert check.verdict in ("agrees", "cancellation", "skipped"), check
