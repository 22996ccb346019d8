"""The point: numbers, constant expressions, lists, elements and files; and mistakes that list all that is wrong."""

import json
from math import inf, isnan, pi

import numpy as np
import pytest

from gradcli.errors import GradError, PointMistake
from gradcli.point import bind, read_point
from gradcli.staging import stage
from gradcli.values import read_value


def values(text: str, *at: str) -> list[float]:
    """The floats that the inputs of a program get, in order of first appearance."""
    leaves, _ = bind(stage(text), read_point(at))
    return list(leaves.values())


def mistake(text: str, *at: str) -> GradError:
    with pytest.raises(GradError) as caught:
        bind(stage(text), read_point(at))
    return caught.value


# -- values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("3", 3.0),
        ("-4", -4.0),
        ("+4", 4.0),
        (" 1e-3 ", 1e-3),
        (".5", 0.5),
        ("5.", 5.0),
        ("1E5", 1e5),
        ("-1e-3", -1e-3),
        ("pi/2", pi / 2),
        ("2**-10", 2.0**-10),
        ("-(1 + 2)*3", -9.0),
        ("max(1, 2)", 2.0),
        ("1/3", 1 / 3),
        ("inf", inf),
        ("-inf", -inf),
        ("Infinity", inf),
        ("-Infinity", -inf),
        ("+INF", inf),
        ("1_000", 1000.0),
        ("-0.0", -0.0),
        ("0.1", 0.1),
        ("123456789012345678901234567890", 123456789012345678901234567890.0),
        ("5e-324", 5e-324),
    ],
)
def test_a_value_is_a_number_or_a_constant_expression(written, value):
    (found,) = values("x*2", f"x={written}")
    assert found.hex() == value.hex()


@pytest.mark.parametrize("written", ["nan", "NaN", "-nan"])
def test_nan_is_a_value(written):
    assert isnan(values("x*2", f"x={written}")[0])


@pytest.mark.parametrize("at", [["x=3,y=-4"], ["x=3", "y=-4"], ["y=-4,x=3"], [" x = 3 , y = -4 , "], ["y=-4", "x=3"]])
def test_options_and_commas_separate_bindings(at):
    assert values("x*y", *at) == [3.0, -4.0]


def test_commas_inside_brackets_separate_nothing():
    assert values("x*w[1]*y", "x=max(1, 2),w=[3, min(4, 5)],y=6") == [2.0, 4.0, 6.0]


@pytest.mark.parametrize(
    "at",
    [
        "w=[2,-3,-3]",
        "w=[ 2 , -3,\t-3 ]",
        "w=[2,-3,-3,]",
        "w=[4/2, -3, -(1 + 2)]",
        "w[0]=2,w[1]=-3,w[2]=-3",
        "w[2]=-3,w[0]=2,w[1]=-3",
    ],
)
def test_a_list_is_given_whole_or_by_elements(at):
    assert values("w[0] + w[1] + w[2]", at) == [2.0, -3.0, -3.0]


def test_matrices_are_nested_lists():
    for at in ("W=[[1,2],[3,4]]", "W[0,0]=1,W[0,1]=2,W[1,0]=3,W[1,1]=4", "W=[[1, 2,], [3, 4]]"):
        assert values("W[1, 0] + W[0][1]", at) == [3.0, 2.0]


def test_greek_names_are_bound():
    assert values("θ*λ1", "λ1=2,θ=1") == [1.0, 2.0]


# -- files --------------------------------------------------------------------------------


def test_a_whole_point_from_json(tmp_path):
    file = tmp_path / "point.json"
    file.write_text(json.dumps({"x": 3, "w": [1, 2.5, "Infinity"], "unused": "NaN", "y": "pi/2"}))
    program = stage("x*w[2]*y")
    leaves, unused = bind(program, read_point((f"@{file}",)))
    assert list(leaves.values()) == [3.0, inf, pi / 2]
    assert unused == ["unused"]


def test_arrays_from_json_and_csv(tmp_path):
    (tmp_path / "w.json").write_text("[1, 2e0, -3]")
    (tmp_path / "W.csv").write_text("1,2\n3, 4\n\n")
    at = f"w=@{tmp_path / 'w.json'},W=@{tmp_path / 'W.csv'}"
    assert values("w[2] + W[1, 0]", at) == [-3.0, 3.0]


@pytest.mark.parametrize("text", ["1\n2\n3\n", "1,2,3", "1 , 2, 3\r\n", "3,1\n2,7", "\n1,2\n\n3,4\n"])
def test_a_table_of_numbers_is_what_numpy_reads(text, tmp_path):
    (tmp_path / "x.csv").write_text(text)
    wanted = np.loadtxt(tmp_path / "x.csv", delimiter=",")
    assert read_value(f"@{tmp_path / 'x.csv'}") == wanted.tolist()


def test_a_cell_that_is_no_number_has_its_line_and_column(tmp_path):
    (tmp_path / "x.csv").write_text("1, 2\n\n3, two\n")
    with pytest.raises(PointMistake) as caught:
        read_value(f"@{tmp_path / 'x.csv'}")
    assert caught.value.source[: caught.value.span.start] == "1, 2\n\n3, "


def test_a_byte_order_mark_is_no_part_of_a_file(tmp_path):
    (tmp_path / "point.json").write_bytes(b'\xef\xbb\xbf{"x": 2}')
    assert values("x*2", f"@{tmp_path / 'point.json'}") == [2.0]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("point.json", "[1, 2]", "holds no point"),
        ("point.json", '{"x": }', "is no JSON"),
        ("point.json", '{"x": null}', "is no number"),
        ("point.json", '{"x": true}', "is no number"),
        ("point.json", '{"x": {"y": 1}}', "is no number"),
        ("point.json", '{"x": "@/etc/passwd"}', "is no number"),
        ("point.json", "[" * 100_000, "is no JSON"),
        ("point.json", b"\xff\xfe{}", "not UTF-8"),
    ],
)
def test_a_file_that_is_no_point(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert message in mistake("x*2", f"@{file}").message


@pytest.mark.parametrize("path", ["/nonexistent/point.json", "/dev/zero", "/", "\0"])
def test_a_file_that_cannot_be_read(path):
    assert path[:5] in mistake("x*2", f"@{path}").message


# -- mistakes -----------------------------------------------------------------------------


def test_all_that_is_missing_is_listed_at_once():
    error = mistake("x*y*z + w[0]", "y=1")
    assert all(f"'{name}'" in error.message for name in ("x", "z", "w"))
    assert "'y'" not in error.message


def test_all_that_is_unknown_is_listed_at_once():
    error = mistake("x*y", "x=1,y=2,p=3,q=4")
    assert "'p'" in error.message
    assert "'q'" in error.message


def test_all_that_is_repeated_is_listed_at_once():
    error = mistake("x*y", "x=1,y=2,x=3", "y=4")
    assert "'x'" in error.message
    assert "'y'" in error.message


@pytest.mark.parametrize(
    ("text", "at", "message", "hint"),
    [
        ("alpha*2", "alhpa=1", "'alpha'", "did you mean 'alpha'?"),
        ("x*y", "X=1,y=2", "'X'", "did you mean 'x'?"),
        ("x*2", "pi=3,x=1", "'pi'", "constant"),
        ("x*2", "e=3,x=1", "'e'", "constant"),
        ("q = x; q*2", "x=1,q=2", "'q'", "assigned in the program"),
        ("exp*2", "", "'exp'", "exp(...)"),
        ("x*y", "x=1,5,y=2", "'5'", "decimal point"),
        ("x*2", "x==1", "no name=value", "--at"),
        ("x*2", "x:1", "no name=value", "x=1"),
        ("x*2", "3", "no name=value", "--at"),
        ("x*2", "x=", "value is missing", ""),
        ("x*2", "x=y", "'y' is no number", ""),
        ("x*2", "x=sigmod(1)", "sigmod", "did you mean 'sigmoid'?"),
        ("x*2", "x=0x10", "'0x10' is not a number", ""),
        ("x*2", "x=[1, 2]", "2 numbers", "x[0]"),
        ("w[0]*2", "w=3", "is a number", "w=["),
        ("w[0]*w[2]", "w=[1, 2]", "w[2]", ""),
        ("w[0]*2", "w=[[1], [2]]", "is a list", ""),
        ("w[0]*2", "w=[]", "w[0]", ""),
        ("w[0]*2", "w=[1, [2]]", "differ in length", ""),
        ("W[0, 0]*2", "W=[[1, 2], [3]]", "differ in length", ""),
        ("w[0]*2", "w=[1, 2", "not closed", ""),
        ("w[0]*2", "w=[1]]", "']'", ""),
        ("w[0]*w[1]", "w[1]=2", "'w[0]'", "from 0"),
        ("w[0]*w[3]", "w[0]=1,w[3]=2", "'w[1]', 'w[2]'", ""),
        ("w[0]*2", "w[0]=1,w[0]=2", "'w[0]'", "once"),
        ("w[0]*2", "w=[1],w[0]=2", "'w[0]'", "once"),
        ("w[0]*2", "w[-1]=1", "w[-1]", ""),
        ("w[0]*2", "w[1000000000]=1", "w[1000000000", ""),
        ("w[0]*2", "w=[1,,2]", "", ""),
        ("w[0]*2", "w=[,1]", "", ""),
        ("w[0]*2", "w=[1 2]", "", ""),
        ("w[0]*2", f"w={'[' * 100}1{']' * 100}", "nested", ""),
    ],
)
def test_a_mistake_in_a_point(text, at, message, hint):
    error = mistake(text, *([at] if at else []))
    assert message in error.message
    assert hint in error.hint


def test_a_mistake_inside_a_value_is_placed_in_the_value():
    error = mistake("x*2", "y=1,x=3 + sigmod(2)")
    assert error.source is not None
    assert error.span is not None
    assert error.source[error.span.start : error.span.end] == "sigmod"
    assert error.title == "--at x"


def test_what_is_missing_is_placed_in_the_program():
    text = "x*alpha + alpha"
    error = mistake(text, "x=1")
    assert error.span is not None
    assert error.source is None
    assert error.span == (2, 7)
