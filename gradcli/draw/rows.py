"""How high each slot of each column stands, so that wires run as straight as they can."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from itertools import pairwise
from math import floor

from gradcli.draw.layers import Layers, Link, Slot

ROUNDS = 4
STIFF = 8.0  # how much more a wire that passes resists than a gate

Extent = Callable[[Slot], tuple[float, float]]
Offset = Callable[[Slot, Link], float]


def heights(layers: Layers, extent: Extent, offset: Offset, step: float = 1.0) -> list[list[float]]:
    """The height of each slot, by column; the uppermost thing begins at 0.

    extent: how far a slot reaches above and below its middle, with the room it wants. offset: how far below the
    middle of a slot a link enters. step: all heights are whole multiples of it.
    """
    gaps = [_gaps(column, extent) for column in layers.columns]
    found = [_spread(gap) for gap in gaps]
    count = len(found)
    for _ in range(ROUNDS):
        for column in range(count - 2, -1, -1):
            found[column] = _fitted(layers, column, found, gaps[column], offset, step, back=True)
        for column in range(1, count):
            found[column] = _fitted(layers, column, found, gaps[column], offset, step, back=False)
    return _closed(layers, found, extent, step)


def _closed(layers: Layers, found: list[list[float]], extent: Extent, step: float) -> list[list[float]]:
    """The same without stretches in which nothing stands and no wire runs, from 0 on.

    What no wire connects to the rest is drawn to nothing, and would stand far away.
    """
    spans = [
        (y - extent(slot)[0], y + extent(slot)[1])
        for ys, slots in zip(found, layers.columns, strict=True)
        for y, slot in zip(ys, slots, strict=True)
    ]
    for column, links in enumerate(layers.links):
        ends = [(found[column][link.source], found[column + 1][link.target]) for link in links]
        spans += [(min(pair), max(pair)) for pair in ends]
    spans.sort()
    bottom = lost = spans[0][0]
    begins, shifts = [bottom], [lost]
    for top, end in spans:
        if top - bottom >= step:
            lost += floor((top - bottom) / step) * step
            begins.append(top)
            shifts.append(lost)
        bottom = max(bottom, end)
    return [[y - shifts[bisect_right(begins, y) - 1] for y in ys] for ys in found]


def _gaps(column: list[Slot], extent: Extent) -> list[float]:
    """How far each slot has to be below the one before it."""
    return [0.0, *(extent(upper)[1] + extent(lower)[0] for upper, lower in pairwise(column))]


def _spread(gaps: list[float]) -> list[float]:
    heights, y = [], -sum(gaps) / 2
    for gap in gaps:
        y += gap
        heights.append(y)
    return heights


def _fitted(
    layers: Layers, column: int, found: list[list[float]], gaps: list[float], offset: Offset, step: float, back: bool
) -> list[float]:
    """The heights of a column that come closest to where the wires of the next column, or the last, want it."""
    slots = layers.columns[column]
    pulls: list[list[float]] = [[] for _ in slots]
    for link in layers.links[column if back else column - 1]:
        if back:
            shift = offset(layers.columns[column + 1][link.target], link)
            pulls[link.source].append(found[column + 1][link.target] + shift)
        else:
            pulls[link.target].append(found[column - 1][link.source] - offset(slots[link.target], link))
    wanted = [sum(pull) / len(pull) if pull else y for pull, y in zip(pulls, found[column], strict=True)]
    weights = [(STIFF if slot.passes else 1.0) if pull else 0.1 for slot, pull in zip(slots, pulls, strict=True)]
    return _on_steps(_apart(wanted, weights, gaps), gaps, step)


def _apart(wanted: list[float], weights: list[float], gaps: list[float]) -> list[float]:
    """The heights nearest to those wanted, by least squares, that keep their order and the gaps.

    Pool adjacent violators (Barlow et al., 1972), on heights less the sum of the gaps above.
    """
    blocks: list[tuple[float, float, int]] = []  # mean, weight, how many
    total = 0.0
    sums = []
    for want, weight, gap in zip(wanted, weights, gaps, strict=True):
        total += gap
        sums.append(total)
        mean, count = want - total, 1
        while blocks and blocks[-1][0] >= mean:
            other, heavy, many = blocks.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + many
        blocks.append((mean, weight, count))
    flat = [mean for mean, _, count in blocks for _ in range(count)]
    return [y + before for y, before in zip(flat, sums, strict=True)]


def _on_steps(heights: list[float], gaps: list[float], step: float) -> list[float]:
    """The same on whole steps."""
    found: list[float] = []
    for y, gap in zip(heights, gaps, strict=True):
        y = round(y / step) * step
        found.append(max(y, found[-1] + gap) if found else y)
    return found
