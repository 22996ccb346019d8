"""Formulas from textbooks, papers and the tests of other tools, with slopes worked out to many digits elsewhere.

data/corpus.jsonl holds one item a line: where the formula comes from (`source`, `provenance`), the point, and value
and gradient (`truth` says by which method, independent of gradcli).
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from calculation import calculate

ITEMS = [json.loads(line) for line in (Path(__file__).parent / "data" / "corpus.jsonl").open(encoding="utf-8")]
RELATIVE = 1e-9
FLOOR = 1e-13  # of the largest number in the item: below it a slope that should be 0 is noise


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["id"])
def test_value_and_gradient(item: dict[str, Any]) -> None:
    found = calculate(item["expr"], item["at"])
    wanted = dict(spelled(item["grad"]))
    floor = FLOOR * max(abs(item["value"]), *map(abs, wanted.values()))
    assert found.value == pytest.approx(item["value"], rel=RELATIVE, abs=floor)
    assert found.gradient == pytest.approx({name: wanted[name] for name in found.gradient}, rel=RELATIVE, abs=floor)
    assert not any(slope for name, slope in wanted.items() if name not in found.gradient)


def spelled(gradient: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """The gradient by input leaf: x, w[0], W[1, 2]."""
    for name, value in gradient.items():
        for index, slope in entries(value):
            yield f"{name}[{', '.join(map(str, index))}]" if index else name, slope


def entries(value: Any) -> Iterator[tuple[tuple[int, ...], float]]:
    if not isinstance(value, list):
        yield (), value
        return
    for place, part in enumerate(value):
        for index, slope in entries(part):
            yield (place, *index), slope


def test_the_items_are_many_and_from_many_places():
    assert len(ITEMS) >= 120
    assert len({item["group"] for item in ITEMS}) == 15
    assert all(item["source"] and item["truth"] for item in ITEMS)
