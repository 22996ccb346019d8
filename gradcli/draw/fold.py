"""A circuit that is wider than the page, as bands one under the other: a wire that goes on is taken up by name."""

from __future__ import annotations

from collections.abc import Callable

from gradcli.draw.circuit import INPUT, Circuit, Part
from gradcli.draw.layers import column_of


def folded(circuit: Circuit, fits: Callable[[Circuit], bool]) -> list[Circuit]:
    """The circuit, or bands of it with as many columns as fit; a column is never split."""
    if fits(circuit):
        return [circuit]
    columns = column_of(circuit)
    bands: list[Circuit] = []
    begin, last = 1, max(columns)
    while begin <= last:
        end = begin
        band = _band(circuit, columns, begin, end)
        while end < last and fits(longer := _band(circuit, columns, begin, end + 1)):
            band, end = longer, end + 1
        bands.append(band)
        begin = end + 1
    return bands


def _band(circuit: Circuit, columns: list[int], begin: int, end: int) -> Circuit:
    """The gates of some columns, and as inputs all that enters them from before."""
    parts = circuit.parts
    inside = [place for place, column in enumerate(columns) if begin <= column <= end]
    entering = dict.fromkeys(
        operand for place in inside for operand in parts[place].operands if columns[operand] < begin
    )
    unused = [] if begin > 1 else _unused(parts, columns)
    before = {
        operand for part, column in zip(parts, columns, strict=True) if column < begin for operand in part.operands
    }
    after = {operand for part, column in zip(parts, columns, strict=True) if column > end for operand in part.operands}
    shown = [*entering, *(place for place in unused if place not in entering), *inside]
    places = {place: number for number, place in enumerate(shown)}
    found = [_taken_up(parts[place], place in before) for place in shown[: len(shown) - len(inside)]]
    for place in inside:
        operands = tuple(places[operand] for operand in parts[place].operands)
        goes_on = place in after and not any(place in parts[user].operands for user in inside)
        found.append(parts[place]._replace(operands=operands, goes_on=goes_on))
    return circuit._replace(parts=found, output=places.get(circuit.output, -1))


def _unused(parts: list[Part], columns: list[int]) -> list[int]:
    used = {operand for part in parts for operand in part.operands}
    return [place for place, column in enumerate(columns) if column == 0 and place not in used]


def _taken_up(part: Part, again: bool) -> Part:
    """A part as the beginning of a band. again: whether it was shown in an earlier one."""
    gate = part.kind != INPUT
    return part._replace(kind=INPUT, operands=(), carried=gate or again)
