"""Pictures of circuits: the note's own three, checked by reading the SVG."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, strategies
from pictures import SAMPLE_PROGRAMS, SVG, draw, ends_of, numbers_in, numbers_of_eval, read_svg, shifts_of
from transcript import ROOT, run, same

from gradcli.draw.channel import Net, tracks_of
from gradcli.draw.numbers import rounded
from gradcli.draw.widths import width

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


def test_a_bare_circuit_has_no_numbers():
    for part in read_svg(draw("(x + y) * z", "--format", "svg")).parts:
        assert (part.value, part.gradient) == ("", "")


def test_a_constant_shows_its_number_without_a_point():
    parts = read_svg(draw("y = 3; x*y", "--format", "svg")).named
    assert {name: part.value for name, part in parts.items()} == {"x": "", "y": "3", "f": ""}


def test_parts_that_no_wire_connects_stand_close():
    text = "+".join(f"x{i}*x{7 * i % 40}" for i in range(40))
    root = ET.fromstring(draw(text, "--no-fuse", "--at", ",".join(f"x{i}={i}" for i in range(40)), "--format", "svg"))
    circles = [
        (circle, shift) for group, (_, shift) in shifts_of(root).items() for circle in group.iter(f"{SVG}circle")
    ]
    middles = sorted(float(circle.get("cy")) + shift for circle, shift in circles)
    assert max(lower - upper for upper, lower in pairwise(middles)) < 150


def test_only_gradients_asked_for_are_shown():
    parts = read_svg(draw("(x + y) * z", "--at", "x=-2,y=5,z=-4", "--wrt", "z", "--format", "svg")).named
    assert {name: part.gradient for name, part in parts.items()} == {"x": "", "y": "", "xpy": "", "z": "3", "f": "1"}


@pytest.mark.parametrize(
    ("text", "glyphs"),
    [
        ("(x - 1) * 2 / 3", ["-1", "*2", "/3"]),
        ("1/(2 - x)", ["2-x", "1/x"]),
        ("x**2 + x**-1 + x**0.5", ["x²", "x⁻¹", "x^0.5", "+"]),
        ("2**x", ["2^x"]),
        ("x*(2*pi)", ["*(2*pi)"]),
        ("x/y - y/x", ["/", "/", "-"]),
        ("max(x, 0)", ["max(x,0)"]),
        ("w[0]*x[0] + w[1]*x[1] + w[2]", ["dot"]),
        ("x + y - z", ["x+y-z"]),
        ("sigmoid(√x)", ["√", "σ"]),
        ("q = x; q*q", ["=", "*"]),
    ],
)
def test_what_stands_in_a_gate(text, glyphs):
    assert [part.glyph for part in read_svg(draw(text, "--format", "svg")).parts if part.glyph] == glyphs


def test_wires_enter_a_gate_that_does_not_commute_in_order():
    picture = ET.fromstring(draw("q = a/b; r = b/a; q - r", "--format", "svg"))
    for group in picture.iter(f"{SVG}g"):
        if group.get("class") == "part" and group.find(f"{SVG}circle") is not None:
            heights = heights_of_operands(picture, group)
            assert heights == sorted(heights)


def heights_of_operands(picture, group):
    """How high the wires of a quotient or a difference end, in the order of its operands."""
    operands = re.findall(r"\w+", group.findtext(f"{SVG}title").partition(" = ")[2].split("\n")[0])
    circle = group.find(f"{SVG}circle")
    left, middle = float(circle.get("cx")) - float(circle.get("r")), float(circle.get("cy"))
    return [
        next(y for x, y in ends_of(wire_of(picture, name)) if abs(x - left) < 6 and abs(y - middle) < 17)
        for name in operands
    ]


def wire_of(picture, name):
    group = next(group for group in picture.iter(f"{SVG}g") if group.get("data-name") == name)
    return group.find(f"{SVG}path").get("d")


PICTURES = {
    "first_example": NOTE["first example"][0],
    "neuron": NOTE["neuron"][0],
    "patterns": NOTE["patterns in backward flow"][0],
    "staged": ["(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "--at", "x=3,y=-4"],
    "black_scholes": ["-f", "samples/finance/black_scholes.grad", "--at", "S=100,K=105,r=0.03,sigma=0.2,T=0.5"],
    "lstm_cell": ["-f", "samples/learning/lstm_cell.grad"],
}


@pytest.mark.parametrize(("name", "command"), PICTURES.items(), ids=PICTURES)
def test_pictures_in_samples_are_what_is_drawn(name, command, update):
    path = ROOT / "samples" / "draw" / f"{name}.svg"
    picture = draw(*command, "--format", "svg")
    if update:
        path.write_text(picture, encoding="utf-8")
    else:
        assert same(picture, path.read_text(encoding="utf-8"))


# -- numbers and text -----------------------------------------------------------------------

SAMPLES = pytest.mark.parametrize("sample", SAMPLE_PROGRAMS, ids=lambda sample: Path(sample[1]).stem)


@SAMPLES
def test_numbers_are_those_of_eval(sample):
    expected = numbers_of_eval(sample)
    svg = read_svg(draw(*sample, "--format", "svg"))
    assert {part.name: numbers_in(part.title) for part in svg.parts} == expected
    mermaid = draw(*sample, "--format", "mermaid")
    found = re.findall(r"^  %% (\S+(?: \d+\])?) = (\S+?)(?:, gradient (\S+))?$", mermaid, re.MULTILINE)
    assert {name: [float(number) for number in pair if number] for name, *pair in found} == expected
    dot = draw(*sample, "--format", "dot")
    told = re.findall(r'tooltip="(\S+?), value (\S+?)(?:, gradient (\S+))?"', dot)
    assert expected.items() >= {name: [float(number) for number in pair if number] for name, *pair in told}.items()
    assert len({name for name, *_ in told}) == len(expected)


@SAMPLES
def test_what_is_shown_is_the_number_rounded(sample):
    for part in read_svg(draw(*sample, "--format", "svg")).parts:
        shown = [float(number) for number in (part.value, part.gradient) if number]
        assert shown == pytest.approx(numbers_in(part.title), rel=0.05)


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (3.0, "3"), (-0.0, "0"), (0.196612, "0.20"), (-0.5344, "-0.53"), (1.3679, "1.37"), (0.0179862, "0.018"),
        (123.456, "123.46"), (1234.56, "1234.6"), (123456.7, "1.23e5"), (1e6, "1e6"), (2e-7, "2e-7"),
        (999999.0, "999999"), (float("inf"), "inf"), (float("nan"), "nan"), (1.999999, "2.00"),
    ],
)  # fmt: skip
def test_rounded(number, shown):
    assert rounded(number) == shown


@SAMPLES
def test_no_text_overlaps_another_text_or_a_gate(sample):
    for bare in (False, True):
        args = sample[:2] if bare else sample
        assert overlaps(ET.fromstring(draw(*args, "--format", "svg"))) == []


def test_no_text_overlaps_where_programs_are_large():
    wide = "\n".join(f"a{i + 1} = cos(a{i}) * sin(a{i // 2}) + max(a{i}, y{i}, z)" for i in range(12))
    for text in ("a0 = x\n" + wide, "max(" + ", ".join(f"x{i}" for i in range(100)) + ")", LONG_NAMES):
        assert overlaps(ET.fromstring(draw(text, "--format", "svg"))) == []


LONG_NAMES = f"{'W' * 80} = x * {'m' * 90}; {'W' * 80} + {'y' * 300}*exp({'W' * 80})"


def overlaps(root):
    """Pairs of texts that overlap, and texts that lie on the edge of a gate; a font may be as wide as Verdana."""
    texts, gates = [], []
    shifts = shifts_of(root)
    for group in root.iter(f"{SVG}g"):
        x, y = shifts.get(group, (0, 0))
        if group.get("class") == "part":
            texts += [box(text, x, y) for text in group.iter(f"{SVG}text")]
            gates += [gate(shape, x, y) for shape in group if shape.get("class") == "gate"]
    texts += [box(text, 0, 0) for text in root if text.tag == f"{SVG}text"]
    inside = [(text, shape) for text in texts for shape in gates if within(text, shape)]
    assert len(inside) == len(gates)
    meeting = [(a, b) for place, a in enumerate(texts) for b in texts[:place] if meet(a, b)]
    return meeting + [
        (text, shape) for text in texts for shape in gates if meet(text, shape) and (text, shape) not in inside
    ]


SIZES = {"glyph": 15, "input": 14, "told": 11, None: 12}
ANCHORS = {"glyph": 0.5, "input": 1.0}


def box(text, x, y):
    """Left, top, right, bottom: of signs as wide as in Verdana, from their highest to their lowest line."""
    size = SIZES[text.get("class")]
    broad = width("".join(text.itertext()), size)
    left = x + float(text.get("x")) - ANCHORS.get(text.get("class"), 0.0) * broad
    base = y + float(text.get("y"))
    return left, base - 0.73 * size, left + broad, base + 0.21 * size


def gate(shape, x, y):
    if shape.tag == f"{SVG}circle":
        across, down, r = (float(shape.get(name)) for name in ("cx", "cy", "r"))
        return x + across - r, y + down - r, x + across + r, y + down + r
    left, top, broad, tall = (float(shape.get(name)) for name in ("x", "y", "width", "height"))
    return x + left, y + top, x + left + broad, y + top + tall


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def within(text, shape):
    return shape[0] <= text[0] and text[2] <= shape[2] and shape[1] <= text[1] and text[3] <= shape[3]


# -- the terminal ---------------------------------------------------------------------------


@SAMPLES
def test_a_terminal_drawing_fits_its_columns(sample):
    for columns in (60, 80, 200):
        lines = draw(*sample, COLUMNS=str(columns)).splitlines()
        assert max(map(len, lines)) <= columns
    shown = {word.strip("▸") for line in lines for word in line.split()}
    assert {name[:20] for name in numbers_of_eval(sample)} <= {name[:20] for name in shown}


def test_a_terminal_drawing_never_exceeds_its_columns():
    many = "max(" + ", ".join(f"x{i}" for i in range(40)) + ")"
    for text in (LONG_NAMES, many, "+".join(f"sin(x{i})*y{i}" for i in range(30))):
        for columns in (60, 61, 100):
            assert max(map(len, draw(text, COLUMNS=str(columns)).splitlines())) <= columns


def test_the_first_example_on_a_terminal():
    assert [line.rstrip() for line in draw("(x + y) * z", "--at", "x=-2,y=5,z=-4").splitlines()[:11]] == [
        "  -2",
        "x ─────╮",
        "  -4   ╰─┬───╮ xpy 3",
        "         │ + ├─────────╮",
        "  5    ╭─┴───╯ -4      │",
        "y ─────╯               ╰─┬───╮ f -12",
        "  -4                     │ * ├────────",
        "                       ╭─┴───╯ 1",
        "  -4                   │",
        "z ─────────────────────╯",
        "  3",
    ]


def test_where_the_locale_has_no_lines_ascii_draws_them():
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    text = draw("σ(x)**2 * sqrt(y)", "--at", "x=1,y=4", PYTHONIOENCODING="ascii")
    assert text.isascii() and "sigmoid" in text and "x^2" in text and "sqrt" in text
    assert draw("(x + y) * z", "--at", "x=-2,y=5,z=-4", **plain).isascii()
    assert "alpha" in draw("α * y", PYTHONIOENCODING="ascii")


def test_colour_on_a_terminal_only():
    assert "\x1b" not in draw("x*y", "--at", "x=1,y=2")
    coloured = draw("x*y", "--at", "x=1,y=2", FORCE_COLOR="1")
    assert "\x1b[32m2\x1b[0m" in coloured and "\x1b[31m1\x1b[0m" in coloured


# -- tracks ---------------------------------------------------------------------------------


@given(
    strategies.lists(strategies.tuples(strategies.integers(0, 12), strategies.integers(0, 2)), max_size=8),
    strategies.randoms(),
)
def test_wires_between_columns_never_lie_on_each_other(given_sources, random):
    rows = random.sample(range(14), 14)
    sources = {source: count + 1 for source, count in given_sources}
    nets = []
    for source, count in sources.items():
        nets.append(Net(source, tuple(rows[:count])))
        del rows[:count]
        if len(rows) < 3:
            break
    tracks = tracks_of(nets)
    if tracks is None:
        return
    used = {}
    for net, track in zip(nets, tracks, strict=True):
        low, high = net.span
        cells = set() if net.straight else {("down", track, row) for row in range(low, high + 1)}
        begin = 99 if net.straight else track
        cells |= {("across", x, net.source) for x in range(-1, begin)}
        cells |= {("across", x, row) for row in net.targets for x in range(begin, 99)}
        for cell in cells:
            assert used.setdefault(cell, net) == net


# -- large programs -------------------------------------------------------------------------


def test_statements_become_boxes_in_a_large_program():
    text = "a0 = x\n" + "\n".join(f"a{i + 1} = cos(a{i})*sin(a{i}) + exp(a{i}*y)" for i in range(30))
    picture = ET.fromstring(draw(text, "--at", "x=0.5,y=1", "--format", "svg"))
    glyphs = [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "glyph"]
    assert glyphs == ["=", *["6 gates"] * 30]
    told = [text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "told"]
    assert told[-1] == "a box is a statement: 30 stand for 180 of the 181 gates"


@pytest.mark.parametrize("form", ["svg", "html", "terminal"])
@pytest.mark.parametrize("text", ["sin(" * 100_000 + "x" + ")" * 100_000, "x" + "*x" * 100_000], ids=["deep", "long"])
def test_a_hundred_thousand_gates_are_abridged_and_said_so(form, text, tmp_path):
    path = tmp_path / "large.grad"
    path.write_text(text)
    picture = draw("-f", str(path), "--at", "x=0.5", "--format", form)
    assert "shown are 60 of 100000 gates, those nearest to f" in picture
    assert len(picture) < 1_000_000


def test_a_gate_with_too_many_wires_says_how_many_are_left_out():
    picture = read_svg(draw("max(" + ", ".join(f"x{i}" for i in range(1000)) + ")", "--format", "svg"))
    assert picture.parts[-1].entering == [*(f"x{i}" for i in range(23)), "977 more"]


# -- formats --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["png", "PDF", "jpeg"])
def test_a_picture_of_pixels_is_refused(ending, tmp_path):
    path = tmp_path / f"circuit.{ending}"
    result = run(f"gradcli draw 'x*y' -o {path}")
    assert result.returncode == 2 and not path.exists()
    assert f"no .{ending.lower()} is drawn" in result.stderr
    assert draw("x*y", "--format", "svg", "-o", str(path)) == "" and path.read_text().startswith("<svg")


def test_mermaid_refuses_what_it_cannot_render():
    text = "+".join(f"sin(x{i})" for i in range(300))
    result = run(f"gradcli draw '{text}' --format mermaid")
    assert result.returncode == 2 and result.stdout == ""
    assert "Mermaid draws at most 500 edges, and this circuit has" in result.stderr


def test_mermaid_of_the_first_example():
    assert draw("(x + y) * z", "--at", "x=-2,y=5,z=-4", "--format", "mermaid").splitlines()[:11] == [
        "flowchart LR",
        '  n0(["x"])',
        '  n1(["y"])',
        '  n2(["z"])',
        '  n3(("#43;"))',
        '  n4(("#42;"))',
        '  n0 ---|"-2<br/>∂ -4"| n3',
        '  n1 ---|"5<br/>∂ -4"| n3',
        '  n3 ---|"xpy<br/>3<br/>∂ -4"| n4',
        '  n2 ---|"-4<br/>∂ 3"| n4',
        '  n4 ---|"f<br/>-12<br/>∂ 1"| out(["f"])',
    ]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
@SAMPLES
def test_graphviz_accepts_the_dot_text(sample):
    text = draw(*sample, "--format", "dot")
    result = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")
    gates = sum(line.startswith("node ") for line in result.stdout.splitlines()) - 1
    assert gates == len(numbers_of_eval(sample))


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_accepts_every_sign_of_the_language():
    text = draw("(α < 3) * (β >= 2) + where(γ != 1, abs(α), β)", "--at", "α=1,β=2,γ=3", "--format", "dot")
    result = subprocess.run(["dot", "-Tsvg"], input=text, capture_output=True, text=True, timeout=60)
    assert (result.returncode, result.stderr) == (0, "")


def test_the_format_comes_from_the_name_of_the_file(tmp_path):
    for name, begin in {
        "a.svg": "<svg",
        "a.html": "<!DOCTYPE",
        "a.mmd": "flowchart",
        "a.gv": "digraph",
        "a.txt": "x ─",
    }.items():
        draw("x*y", "-o", str(tmp_path / name))
        assert (tmp_path / name).read_text(encoding="utf-8").startswith(begin)


def test_shapes_and_norms_of_arrays():
    text = "D = W @ X; sum(D*D)"
    declared = read_svg(draw(text, "--shape", "W=5x10,X=10x3", "--format", "svg")).named
    assert {name: part.value for name, part in declared.items()} == {
        "W": "5×10",
        "X": "10×3",
        "D": "5×3",
        "DD": "5×3",
        "f": "",
    }
    at = read_svg(draw(text, "--at", "W=[[3,4]],X=[[1,0],[0,1]]", "--format", "svg")).named
    assert (at["W"].value, at["D"].value, at["D"].gradient) == ("1×2 ‖5‖", "1×2 ‖5‖", "‖10‖")
    assert "norm 5.0" in at["W"].title


def test_a_picture_tells_those_who_do_not_see_it():
    root = ET.fromstring(draw("x < y # <&>\"'", "--at", "x=1,y=2", "--format", "svg"))
    assert root.get("role") == "img"
    assert root.get("aria-label") == root.findtext(f"{SVG}title") == "Circuit of x < y # <&>\"'"
    assert "x = 1.0, gradient 0.0." in root.findtext(f"{SVG}desc")


def test_the_same_picture_twice():
    for form in ("svg", "html", "terminal", "mermaid", "dot"):
        args = ("(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "--at", "x=3,y=-4", "--format", form)
        assert draw(*args, PYTHONHASHSEED="1") == draw(*args, PYTHONHASHSEED="2")
