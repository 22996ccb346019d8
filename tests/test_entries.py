"""Programs over arrays written out entry by entry: the values are those of NumPy, each entry a line of its own."""

from typing import Any

import numpy as np
import pytest
from calculation import calculate
from test_arrays import ITEMS, PROGRAMS, lists

from gradcli.calculate import calculated
from gradcli.entries import expanded
from gradcli.entry_writer import TooLarge
from gradcli.evaluate import Evaluation, evaluate
from gradcli.graph import Input
from gradcli.point import Point
from gradcli.printer import text_of
from gradcli.staging import stage


def over_arrays(text: str, point: dict[str, Any]) -> Evaluation:
    return calculated(stage(text), Point(dict(point), frozenset())).evaluation


def check_entries(text: str, point: dict[str, Any]) -> None:
    """The program over numbers, evaluated without NumPy, has the values and gradients of the one over arrays."""
    arrays = over_arrays(text, point)
    entries = expanded(arrays.program, arrays.values)
    at = {}
    for leaf in entries.program.inputs:
        assert isinstance(leaf.static, Input)
        at[leaf] = float(np.asarray(point[leaf.static.base])[leaf.static.places])
    numbers = evaluate(entries.program, at)
    for node in arrays.program.lines:
        found = np.reshape([numbers.values[entry.index] for entry in entries.of[node].ravel()], entries.of[node].shape)
        assert found == pytest.approx(np.asarray(arrays.value(node)), rel=1e-9, abs=1e-11), text_of(
            node, lambda _: None
        )
    assert entries.program.output in entries.of[arrays.program.output].ravel()
    assert len(set(entries.program.lines)) == sum(entries.of[node].size for node in arrays.program.lines)


@pytest.mark.parametrize("text", PROGRAMS)
def test_each_entry_has_the_value_of_the_array(text: str) -> None:
    check_entries(text, {name: lists(shape, seed) for seed, (name, shape) in enumerate(PROGRAMS[text].items())})


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_published_formulas_have_the_same_value_entry_by_entry(item: dict[str, Any]) -> None:
    try:
        check_entries(item["expr"], item["at"])
    except TooLarge:
        pytest.skip("too large")


def test_a_matrix_product_is_written_out_as_on_paper() -> None:
    arrays = over_arrays("sum(A @ B)", {"A": [[1.0, 2.0]], "B": [[3.0], [4.0]]})
    entries = expanded(arrays.program, arrays.values)
    product, total = entries.program.lines
    names = {leaf: str(leaf.static) for leaf in entries.program.inputs}
    assert text_of(product, names.get) == "A[0, 0] * B[0, 0] + A[0, 1] * B[1, 0]"
    assert total.gate.name == "copy"


def test_a_seed_makes_the_output_a_sum() -> None:
    arrays = calculate("sum(3*x[0] + 5*x[1])", {"x": [1.0, 2.0]})
    program = over_arrays("y = x * [3, 5]; sum(y)", {"x": [1.0, 2.0]})
    entries = expanded(program.program, program.values)
    seeded = expanded(program.program, program.values, seed=2.0)
    assert text_of(seeded.program.output, dict.fromkeys(seeded.program.lines[:-1], "f").get) == "2.0 * f"
    assert arrays.value == 13.0 == program.value(program.program.output)
    assert len(seeded.program.lines) == len(entries.program.lines) + 1
