"""Pictures of circuits: the note's own three, checked by reading the SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from pictures import draw, read_svg

# -- the note's circuits --------------------------------------------------------------------

# What the note's pictures show: each gate's glyph, what enters it, and the value and the gradient of its wire.
NEURON = "1/(1 + exp(-(w0*x0 + w1*x1 + w2)))"
NOTE = {
    "first example": (
        ["(x + y) * z", "--at", "x=-2,y=5,z=-4"],
        {"x": (-2, -4), "y": (5, -4), "z": (-4, 3)},
        [("+", {"x", "y"}, 3, -4), ("*", {"+", "z"}, -12, 1)],
    ),
    "neuron": (
        [NEURON, "--at", "w0=2,x0=-1,w1=-3,x1=-2,w2=-3", "--no-fuse"],
        {"w0": (2.00, -0.20), "x0": (-1.00, 0.39), "w1": (-3.00, -0.39), "x1": (-2.00, -0.59), "w2": (-3.00, 0.20)},
        [
            ("*", {"w0", "x0"}, -2.00, 0.20),
            ("*", {"w1", "x1"}, 6.00, 0.20),
            ("+", {"*"}, 4.00, 0.20),
            ("+", {"+", "w2"}, 1.00, 0.20),
            ("*-1", {"+"}, -1.00, -0.20),
            ("exp", {"*-1"}, 0.37, -0.53),
            ("+1", {"exp"}, 1.37, -0.53),
            ("1/x", {"+1"}, 0.73, 1.00),
        ],
    ),
    "patterns in backward flow": (
        ["(x*y + max(z, w)) * 2", "--at", "x=3,y=-4,z=2,w=-1"],
        {"x": (3, -8), "y": (-4, 6), "z": (2, 2), "w": (-1, 0)},
        [("*", {"x", "y"}, -12, 2), ("max", {"z", "w"}, 2, 2), ("+", {"*", "max"}, -10, 2), ("*2", {"+"}, -20, 1)],
    ),
}


@pytest.mark.parametrize(("command", "inputs", "gates"), NOTE.values(), ids=NOTE)
def test_the_notes_circuits(command, inputs, gates):
    picture = read_svg(draw(*command, "--format", "svg"))
    shown = {part.name: (float(part.value), float(part.gradient)) for part in picture.parts if not part.glyph}
    assert shown == inputs
    label = {part.name: part.glyph or part.name for part in picture.parts}
    assert [
        (part.glyph, {label[name] for name in part.entering}, float(part.value), float(part.gradient))
        for part in picture.parts
        if part.glyph
    ] == gates


def test_a_fork_is_one_wire_that_splits():
    picture = ET.fromstring(draw("sin(x) * cos(x) + exp(x)", "--format", "svg"))
    wires = [path for path in picture.iter("{http://www.w3.org/2000/svg}path") if path.get("class") == "wire"]
    assert len(wires) == 1 + 5  # of x and of each gate
    assert max(path.get("d", "").count("M") for path in wires) == 1 + 3
