"""A circuit for a terminal: boxes and lines in Unicode or ASCII, folded to the width."""

from __future__ import annotations

from math import floor
from typing import NamedTuple

from gradcli.draw.canvas import LEFT, RIGHT, Canvas, Piece
from gradcli.draw.channel import Net, tracks_of
from gradcli.draw.circuit import INPUT, Circuit, Part
from gradcli.draw.fold import folded
from gradcli.draw.layers import Layers, Link, Slot, layered
from gradcli.draw.plain import in_ascii
from gradcli.draw.rows import heights

FRAME = -1  # the owner of a gate's own lines


def terminal(circuit: Circuit, width: int, plain: bool) -> list[list[Piece]]:
    """The picture as lines of pieces, each at most `width` columns wide. plain: ASCII alone."""
    longest = max(8, width // 6)
    if plain:
        circuit = circuit._replace(parts=[_plain(part) for part in circuit.parts])
    bands = folded(circuit, lambda band: _Band(band, longest, plain).canvas().width <= width)
    rows: list[list[Piece]] = []
    for band in bands:
        rows += [*_Band(band, longest, plain).canvas().rows(width), []]
    return rows + _told(circuit, width)


def _told(circuit: Circuit, width: int) -> list[list[Piece]]:
    """What the numbers are, and what is left out."""
    from textwrap import wrap

    if not circuit.has_numbers and not circuit.left_out:
        return []
    rows = [[Piece(line, "told")] for text in circuit.left_out for line in wrap(text, width)]
    if circuit.has_numbers:
        legend = [Piece("above a wire its "), Piece("value", "value"), Piece(", below it its ")]
        rows.insert(0, [*legend, Piece("gradient", "gradient")])
    return rows


def _plain(part: Part) -> Part:
    """A part in ASCII."""
    value, gradient = part.value, part.gradient
    return part._replace(
        name=in_ascii(part.name),
        glyph=in_ascii(part.glyph),
        value=value and value._replace(shown=in_ascii(value.shown)),
        gradient=gradient and gradient._replace(shown=in_ascii(gradient.shown)),
    )


class _Column(NamedTuple):
    """left: where gates and passing wires begin; wire: where the wires of inputs do; right: where all end."""

    left: int
    wire: int
    right: int


class _Band:
    """A circuit on a grid."""

    def __init__(self, circuit: Circuit, longest: int, plain: bool) -> None:
        self.circuit = circuit
        self.longest = longest
        self.dots = "..." if plain else "…"
        self.arrow = ">" if plain else "▸"
        self.layers: Layers = layered(circuit)
        found = heights(self.layers, self._extent, self._offset)
        self.rows = [[floor(y) for y in ys] for ys in found]  # all lie half a row below a line
        self.tracks = [self._separated(channel) for channel in range(len(self.layers.links))]
        self.columns = self._columns()
        self.plain = plain

    # -- rows -----------------------------------------------------------------------------

    def _extent(self, slot: Slot) -> tuple[float, float]:
        part = self.circuit.parts[slot.part]
        if slot.passes:
            return 0.5, 0.5
        if part.kind == INPUT:
            return (1.5 if part.value else 0.5), (2.5 if part.gradient else 0.5)
        first, last = _port_rows(len(part.operands))[0], _port_rows(len(part.operands))[-1]
        return max(1.5, 0.5 - first), max(1.5, 0.5 + last)

    def _offset(self, slot: Slot, link: Link) -> float:
        return 0.0 if slot.passes else _port_rows(link.ports)[link.port]

    def _separated(self, channel: int) -> tuple[list[Net], list[int]]:
        """The nets between two columns and their tracks; where they would lie on each other the right one moves."""
        for shift in (step * sign for step in range(1000) for sign in (1, -1)):
            nets = self._nets(channel, shift)
            tracks = tracks_of(nets)
            if tracks is not None:
                self.rows[channel + 1] = [row + shift for row in self.rows[channel + 1]]
                return nets, tracks
        raise AssertionError("columns that have no row in common are always apart")

    def _nets(self, channel: int, shift: int) -> list[Net]:
        targets: dict[int, list[int]] = {}
        for link in self.layers.links[channel]:
            slot = self.layers.columns[channel + 1][link.target]
            row = self.rows[channel + 1][link.target] + shift + round(self._offset(slot, link))
            targets.setdefault(self.rows[channel][link.source], []).append(row)
        return [Net(source, tuple(rows)) for source, rows in targets.items()]

    # -- columns --------------------------------------------------------------------------

    def _columns(self) -> list[_Column]:
        columns = []
        left = 0
        for place, slots in enumerate(self.layers.columns):
            parts = [self.circuit.parts[slot.part] for slot in slots if not slot.passes]
            if place:
                wire = left
                right = left + max((self._box(part) + self._label(part) for part in parts), default=0) + 1
            else:
                wire = left + max(len(self._name(part)) + part.carried for part in parts) + 1
                right = wire + max(2, *(self._label(part) for part in parts), 0)
            columns.append(_Column(left, wire, right))
            if place < len(self.tracks):
                tracks = self.tracks[place]
                bent = [track for net, track in zip(*tracks, strict=True) if not net.straight]
                left = right + 2 * max(bent, default=-1) + 4
        return columns

    def _name(self, part: Part) -> str:
        room = self.longest
        return part.name if len(part.name) <= room else part.name[: room - len(self.dots)] + self.dots

    def _box(self, part: Part) -> int:
        return len(part.glyph) + 4

    def _above(self, part: Part) -> list[Piece]:
        pieces = [] if part.kind == INPUT else [Piece(self._name(part), "name")]
        return [*pieces, Piece(part.value.shown, "value")] if part.value else pieces

    def _label(self, part: Part) -> int:
        above = " ".join(piece.text for piece in self._above(part))
        return max(len(above), len(part.gradient.shown) if part.gradient else 0) + 1

    # -- drawing --------------------------------------------------------------------------

    def canvas(self) -> Canvas:
        """Everything drawn."""
        canvas = Canvas(self.plain)
        for column, slots in enumerate(self.layers.columns):
            for row, slot in zip(self.rows[column], slots, strict=True):
                at, part = self.columns[column], self.circuit.parts[slot.part]
                if slot.passes:
                    canvas.across(row, at.left, at.right, slot.part)
                else:
                    self._draw(canvas, row, at, slot.part, part)
        for channel in range(len(self.tracks)):
            self._route(canvas, channel)
        return canvas

    def _draw(self, canvas: Canvas, row: int, at: _Column, owner: int, part: Part) -> None:
        """A part with the wire that leaves it."""
        if part.kind == INPUT:
            begin = at.wire
            name = self.arrow * part.carried + self._name(part)
            canvas.write(row, at.wire - 1 - len(name), name, "input")
        else:
            begin = at.left + self._box(part)
            self._frame(canvas, row, at.left, owner, part)
        canvas.across(row, begin, at.right, owner)
        column = begin if part.kind == INPUT else begin + 1
        for piece in self._above(part):
            canvas.write(row - 1, column, piece.text, piece.kind)
            column += len(piece.text) + 1
        if part.gradient:
            canvas.write(row + 1, begin + (part.kind != INPUT), part.gradient.shown, "gradient")
        if part.goes_on:
            canvas.write(row, at.right, self.arrow, "wire")

    def _frame(self, canvas: Canvas, row: int, left: int, owner: int, part: Part) -> None:
        """The box of a gate; its corners take wires in."""
        ports = _port_rows(len(part.operands))
        top, bottom, right = row + min(-1, ports[0]), row + max(1, ports[-1]), left + self._box(part) - 1
        for edge in (top, bottom):
            canvas.across(edge, left, right, FRAME - owner, "frame")
        for edge in (left, right):
            canvas.down(edge, top, bottom, FRAME - owner, "frame")
        for port in ports:
            canvas.joined(row + port, left, LEFT)
        canvas.joined(row, right, RIGHT)
        canvas.write(row, left + 2, part.glyph, "gate")

    def _route(self, canvas: Canvas, channel: int) -> None:
        """The wires from one column to the next."""
        nets, tracks = self.tracks[channel]
        begin, end = self.columns[channel].right, self.columns[channel + 1].left - 1
        owners = {self.rows[channel][row]: slot.part for row, slot in enumerate(self.layers.columns[channel])}
        for net, track in zip(nets, tracks, strict=True):
            owner, turn = owners[net.source], begin + 2 + 2 * track
            if net.straight:
                canvas.across(net.source, begin, end, owner)
                continue
            canvas.across(net.source, begin, turn, owner)
            canvas.down(turn, *net.span, owner)
            for row in net.targets:
                canvas.across(row, turn, end, owner)
        for row, slot in zip(self.rows[channel + 1], self.layers.columns[channel + 1], strict=True):
            if slot.passes:
                canvas.joined(row, end, RIGHT)
                canvas.joined(row, end + 1, LEFT)


def _port_rows(count: int) -> list[int]:
    """Where wires enter a gate, counted from its middle row."""
    if count == 2:
        return [-1, 1]
    return [place - (count - 1) // 2 for place in range(count)]
