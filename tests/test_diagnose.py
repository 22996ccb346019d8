"""Diagnosis of hand-written backward passes: slips put in are named and undone, what is right stays right.

What a slip changes, and whether a correction is right, is found by running the code; see mutations.py. The whole
study is `python tests/benchmarks/diagnose.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from judging import judged
from mutations import Pass, array_passes, gives_the_same, mutants, scalar_passes
from rewrites import rewrites

from gradcli.diagnose import diagnose
from gradcli.errors import GradError
from gradcli.point import Point, read_point

SCALAR, ARRAY = list(scalar_passes()), list(array_passes())
SLICE = [*SCALAR[5::32], *ARRAY[1::12]]
NOTE = """\
q = x + y
f = q * z
df = 1.0
dq = z * df
dz = q * df
dx = dq
dy = dq
"""


def at(**values: object) -> Point:
    """A point."""
    return Point(dict(values), frozenset())


def one_slip(text: str, point: Point, **options: str) -> tuple[int, str, str]:
    """Line, kind and corrected line of the only slip."""
    found = diagnose(text, point, **options)
    (slip,) = found.slips
    assert found.confirmed
    return text.count("\n", 0, slip.span.start) + 1, slip.kind, slip.correct


# -- what is right ------------------------------------------------------------------------


@pytest.mark.parametrize("one", [*SCALAR[::6], *ARRAY[::2]], ids=lambda one: one.name)
def test_a_right_pass_is_right(one: Pass) -> None:
    found = diagnose(one.source, Point(dict(one.at), frozenset()))
    assert found.right and found.leaves and all(line.local for line in found.lines)


@pytest.mark.parametrize("one", [*SCALAR[3::16], *ARRAY[::8]], ids=lambda one: one.name)
def test_another_way_to_write_it_is_right_too(one: Pass) -> None:
    for rule, source in rewrites(one, 8):
        assert diagnose(source, Point(dict(one.at), frozenset())).right, (rule, source)


@pytest.mark.parametrize("share", ["dx = df * 1.0", "dx = 0.0", "dx = 0.25 * df"])
def test_at_a_kink_each_subgradient_is_accepted_where_it_is_that_of_the_lines(share: str) -> None:
    text = "f = max(x, 0)\ndf = 1.0\ndx = df if x >= 0 else 0.0\n"
    assert diagnose(text, at(x=0.0)).right
    assert diagnose(text.replace(">=", ">"), at(x=0.0)).right
    assert not diagnose(text.replace("dx = df if x >= 0 else 0.0", share), at(x=0.0)).right


def test_what_is_right_by_accident_is_wrong() -> None:
    assert one_slip("f = x * x\ndx = x * x\n", at(x=2.0))[0] == 2  # 2*2 = 2+2
    assert one_slip("a = x * 0 + y\nf = a * x\nda = x\ndx = x\ndy = da\n", at(x=1.0, y=1.0))[0] == 4


# -- slips --------------------------------------------------------------------------------


def test_slips_are_named_and_undone() -> None:
    found = [judged(one, mutant) for one in SLICE for mutant in mutants(one, 10)]
    assert len(found) >= 70
    assert sum(one.line for one in found) >= 0.97 * len(found)
    assert sum(one.kind for one in found) >= 0.90 * len(found)
    assert sum(one.fix for one in found) >= 0.95 * len(found)


@pytest.mark.parametrize(
    ("old", "new", "line", "kind"),
    [
        ("dz = q * df", "dz = x * df", 5, "confused"),
        ("dq = z * df", "dq = -z * df", 4, "sign"),
        ("dq = z * df", "dq = z * z * df", 4, "factor"),
        ("dq = z * df", "dq += z * df", 4, "assign"),
        ("dq = z * df\ndz = q * df\ndx = dq\n", "dx = dq\ndq = z * df\ndz = q * df\n", 4, "order"),
        ("dq = z * df\n", "", 5, "missing"),
    ],
)
def test_one_slip_in_the_note(old: str, new: str, line: int, kind: str) -> None:
    assert old in NOTE
    assert one_slip(NOTE.replace(old, new), at(x=-2.0, y=5.0, z=-4.0))[:2] == (line, kind)


def test_two_slips_are_two_and_what_depends_on_them_is_none() -> None:
    text = NOTE.replace("dq = z * df", "dq = df").replace("dy = dq", "dy = -dq")
    found = diagnose(text, at(x=-2.0, y=5.0, z=-4.0))
    assert [(slip.kind, slip.name) for slip in found.slips] == [("factor", "dq"), ("sign", "dy")]
    assert [line.local for line in found.lines] == [True, False, True, True, False]
    assert [line.overall for line in found.lines] == [True, False, True, False, False]
    assert found.confirmed


def test_two_names_of_one_array() -> None:
    text = "import numpy as np\ns = a + b\nf = np.sum(s * a)\nds = a\nda = ds\ndb = ds\nda += s\n"
    assert one_slip(text, at(a=[1.0, 2.0], b=[3.0, 4.0])) == (5, "aliasing", "da = ds.copy()")


def test_a_file_in_c_and_a_file_in_javascript() -> None:
    c = "double f = sin(x) * y;\n// backward\ndouble dx = sin(x) * y;\ndouble dy = sin(x);\n"
    assert one_slip(c, at(x=0.4, y=2.0)) == (3, "local", "double dx = cos(x) * y")
    js = "const f = Math.exp(x) * w[0];\n// backward\nlet dx = Math.exp(x);\nconst dw = [Math.exp(x)];\n"
    assert one_slip(js, at(x=0.4, w=[2.0])) == (3, "factor", "let dx = Math.exp(x) * w[0]")


def test_the_forward_pass_as_an_expression_and_names_of_ones_own() -> None:
    assert one_slip("dx = x*df\ndy = x*df\n", at(x=3.0, y=-4.0), expr="x*y") == (1, "confused", "dx = y*df")
    text = "q = x + y\nf = q * z\nG_q = z\nG_x = q\nG_y = G_q\n"
    assert one_slip(text, at(x=1.0, y=2.0, z=3.0), names="G_{}")[0] == 4


# -- what is no backward pass -------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("", "there is no assignment", ""),
        ("Dear Sir or Madam,\nthank you.\n", "this is no assignment", "Dear"),
        ("q = x + y\nf = q * z\n", "no line here assigns a gradient", "q ="),
        ("f = x*y\nfor i in range(3):\n    dx = y\n", "'for' is not read", "for"),
        ("f = x*y\nwhile True:\n    dx = y\n", "'while' is not read", "while"),
        ("f = x*y\ndx = __import__('os').system('x')\n", "", "__import__"),
        ("f = x*y\ndx = eval('y')\n", "unknown function 'eval'", "eval"),
        ("f = x*y\ndx = [y for y in x]\n", "'for' is not read", "for"),
        ("f = x*y\ndx = (y\n", "'(' is never closed", "("),
        ("f = x*y\ndx = y)\n", "')' closes nothing", ")"),
        ("f = x*y\ndx = y //\n", "'//' is not read", "//"),
        ("f = x*y\ndx = sigmod(y)\n", "unknown function 'sigmod'", "sigmod"),
        ("f = x*y\ndx = yy\n", "'yy' has no value here", "yy"),
        ("fn main() { let f = x; }\n", "", ""),
    ],
)
def test_a_clear_message_with_its_place(text: str, message: str, place: str) -> None:
    with pytest.raises(GradError) as caught:
        diagnose(text, at(x=1.0, y=2.0))
    assert message in caught.value.message
    if place:
        assert caught.value.span is not None and caught.value.source is not None
        assert caught.value.source[caught.value.span.start :].startswith(place)


MEGABYTES = {
    "open": "(" * 1_000_000,
    "nested": "dx = " + "(" * 500_000 + "y" + ")" * 500_000,
    "pairs": "[]" * 500_000,
    "signs": "dx = " + "-" * 1_000_000 + "y",
}


@pytest.mark.parametrize("text", MEGABYTES.values(), ids=MEGABYTES)
def test_a_megabyte_of_brackets_is_refused(text: str) -> None:
    with pytest.raises(GradError):
        diagnose("f = x*y\n" + text + "\n", at(x=1.0, y=2.0))


def test_nothing_is_executed(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    text = f"import os\nos.system('touch {canary}')\nf = x*y\ndx = open({str(canary)!r}, 'w')\n"
    (tmp_path / "pass.py").write_text(text + f"print(open({str(canary)!r}, 'w'))\ndy = x\n")
    result = command(str(tmp_path / "pass.py"), "--at", "x=1,y=2")
    assert result.returncode == 2 and result.stdout == "" and "Traceback" not in result.stderr
    assert not canary.exists()


# -- the command --------------------------------------------------------------------------


def command(*words: str, text: str = "") -> subprocess.CompletedProcess[str]:
    """`gradcli diagnose` with these words."""
    return subprocess.run(
        [sys.executable, "-m", "gradcli", "diagnose", *words], input=text, capture_output=True, text=True, timeout=60
    )


def test_json_for_graders() -> None:
    result = command("-", "--at", "x=-2,y=5,z=-4", "--json", text=NOTE.replace("dy = dq", "dy = -dq"))
    found = json.loads(result.stdout)
    assert result.returncode == 1
    assert (found["verdict"], found["score"], found["fixed"]) == ("wrong", 0.8, True)
    assert found["gradients"] == {"dx": True, "dy": False, "dz": True} or found["gradients"]["dy"] is False
    (slip,) = found["slips"]
    assert (slip["line"], slip["column"], slip["kind"], slip["correct"]) == (7, 1, "sign", "dy = dq")
    assert [line["score"] for line in found["lines"]] == [1.0, 1.0, 1.0, 1.0, 0.0]


def test_a_right_file_has_status_0() -> None:
    result = command("-", "--at", "x=-2,y=5,z=-4", text=NOTE)
    assert (result.returncode, result.stdout) == (0, "right: 5 of 5 lines, dz, dx, dy\n")


def test_the_corrected_file() -> None:
    wrong = NOTE.replace("dx = dq", "dx = dq * y")
    result = command("-", "--at", "x=-2,y=5,z=-4", "--fix", text=wrong)
    assert (result.returncode, result.stdout) == (1, NOTE)


@pytest.mark.parametrize("path", sorted(Path("samples/diagnose").glob("*.py")), ids=lambda path: path.stem)
def test_the_corrected_samples_are_right(path: Path) -> None:
    words = path.with_suffix(".console").read_text(encoding="utf-8").split("\n")[0].split("--at ")[1]
    point = read_point((words.strip('"'),))
    found = diagnose(path.read_text(encoding="utf-8"), point)
    assert not found.right and found.confirmed
    assert diagnose(found.corrected, point).right


def test_a_correction_runs_and_gives_the_gradient() -> None:
    one = ARRAY[0]
    (mutant, *_) = mutants(one, 1)
    found = diagnose(mutant.source, Point(dict(one.at), frozenset()))
    assert gives_the_same(found.corrected, one.source, one.at)
