"""A circuit laid out in pixels: where its columns begin, how large its gates are, where wires enter them."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

from gradcli.draw.circuit import INPUT, Circuit, Part
from gradcli.draw.layers import Layers, Link, Slot, layered, unsorted
from gradcli.draw.rows import heights
from gradcli.draw.widths import cut, width

RADIUS = 17.0
TEXT, NAME, GLYPH = 12.0, 14.0, 15.0  # sizes of fonts
LONGEST_NAME = 130.0
CLEAR = 5.0  # between a gate and the text at its wire
STUB = 14.0  # the shortest wire
PASSING = 8.0


class Column(NamedTuple):
    """left: where it begins; middle: of its gates; wire: where the wires of inputs begin and texts stand; right."""

    left: float
    middle: float
    wire: float
    right: float


class Band(NamedTuple):
    """heights: of the middle of each slot, by column. width, height: of the whole."""

    circuit: Circuit
    layers: Layers
    columns: list[Column]
    heights: list[list[float]]
    width: float
    height: float


def placed(circuit: Circuit, room: float) -> Band:
    """A circuit in pixels. room: what a number takes at least."""
    layers = layered(circuit)
    columns = _columns(circuit, layers, room)
    parts = circuit.parts

    def extent(slot: Slot) -> tuple[float, float]:
        return (PASSING, PASSING) if slot.passes else _extent(parts[slot.part])

    def offset(slot: Slot, link: Link) -> float:
        return 0.0 if slot.passes else port(parts[slot.part], link.port)[1]

    ys = heights(layers, extent, offset)
    bottom = max(
        y + extent(slot)[1]
        for line, slots in zip(ys, layers.columns, strict=True)
        for y, slot in zip(line, slots, strict=True)
    )
    return Band(circuit, layers, columns, ys, columns[-1].right, bottom)


def broadness(circuit: Circuit, room: float) -> float:
    """How wide a circuit will be; the order in its columns does not matter."""
    return _columns(circuit, unsorted(circuit), room)[-1].right


# -- sizes --------------------------------------------------------------------------------


def half_size(part: Part) -> tuple[float, float]:
    """Half the width and half the height of a gate."""
    half = max(RADIUS, width(part.glyph, GLYPH) / 2 + 6)
    return half, max(RADIUS, 4.0 * (len(part.operands) - 1) + 7)


def port(part: Part, place: int) -> tuple[float, float]:
    """Where a wire enters a gate, from its middle: on its edge, spread from above to below."""
    half, tall = half_size(part)
    count = len(part.operands)
    if count == 1:
        return -half, 0.0
    spread = {2: 16.0, 3: 11.0}.get(count, 8.0)
    y = (place - (count - 1) / 2) * spread
    straight = tall - RADIUS
    bend = max(0.0, abs(y) - straight)
    return -half + RADIUS - sqrt(max(0.0, RADIUS**2 - bend**2)), y


def name_of(part: Part) -> str:
    """The name of a wire, as long as there is room for."""
    return cut(part.name, NAME, LONGEST_NAME)


def label_width(part: Part, room: float) -> float:
    """What stands above and below the wire of a part, whichever is wider."""
    value = part.value.shown if part.value else ""
    gradient = part.gradient.shown if part.gradient else ""
    above = max(width(value, TEXT), room) if value else 0.0
    if part.kind != INPUT:
        above += width(name_of(part), TEXT) + width(" ", TEXT)
    return max(above, max(width(gradient, TEXT), room) if gradient else 0.0)


def _extent(part: Part) -> tuple[float, float]:
    if part.kind == INPUT and not part.value:
        return 13.0, 13.0
    if part.kind == INPUT:
        return 20.0, 20.0 if part.gradient else 12.0
    tall = half_size(part)[1] + 5
    return max(tall, 21.0), max(tall, 21.0)


def _columns(circuit: Circuit, layers: Layers, room: float) -> list[Column]:
    columns: list[Column] = []
    left = 0.0
    for place, slots in enumerate(layers.columns):
        parts = [circuit.parts[slot.part] for slot in slots if not slot.passes]
        if place:
            half = max((half_size(part)[0] for part in parts), default=RADIUS)
            middle, wire = left + half, left + 2 * half + CLEAR
        else:
            names = max(width(name_of(part), NAME) + 10 * part.carried for part in parts)
            middle, wire = left + names, left + names + CLEAR
        right = wire + max(STUB, *(label_width(part, room) for part in parts), 0.0) + CLEAR
        columns.append(Column(left, middle, wire, right))
        left = right + (_channel(layers.links[place]) if place < len(layers.links) else 0.0)
    return columns


def _channel(links: list[Link]) -> float:
    """The room in which wires bend."""
    return 34.0 + min(2.0 * len(links), 40.0)
