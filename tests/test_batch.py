"""Many points: rows that equal `evaluate`, columns, formats, bad rows that do not stop the run, streams."""

import contextlib
import csv
import io
import json
import math
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import sys
import tracemalloc
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from gradcli import ieee
from gradcli.backward import TIES
from gradcli.batch import libm
from gradcli.batch.blocks import ROWS
from gradcli.batch.kernel import FUNCTIONS, kernel
from gradcli.batch.source import LONGEST, SIZE
from gradcli.evaluate import evaluate
from gradcli.gates import GATES, variadic
from gradcli.naming import names_of
from gradcli.staging import stage

SCRIPT = str(Path(sys.executable).with_name("gradcli"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR")}
NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"


def gradcli(*args: str, data: str | bytes = "", **changed: str) -> subprocess.CompletedProcess:
    feed = data.encode() if isinstance(data, str) else data
    env = ENVIRONMENT | changed
    found = subprocess.run([SCRIPT, "eval", *args], input=feed, capture_output=True, env=env, timeout=60)
    assert b"Traceback" not in found.stderr
    return subprocess.CompletedProcess(args, found.returncode, found.stdout.decode(), found.stderr.decode())


def table(text: str, data: str | bytes, *options: str) -> str:
    """What a table that has nothing wrong becomes."""
    found = gradcli(text, "--data", "-", *options, data=data)
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout


def mistake(text: str, data: str | bytes, *options: str) -> str:
    """What is said about data that cannot be used: nothing is written."""
    found = gradcli(text, "--data", "-", *options, data=data)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: ")
    return found.stderr


def rows(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


# -- the kernel is evaluate ---------------------------------------------------------------

SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 5e-324, 1e-308, 1e308, -1e308, math.inf, -math.inf, math.nan]
FORMS = [
    (form, ties)
    for gate in GATES.values()
    for form in sorted({gate.form.replace(", ...", ""), gate.form.replace("...", "c")})
    for ties in (TIES if variadic(gate) else ["first"])
]


def same(left: float, right: float) -> bool:
    both_nan = left != left and right != right
    return both_nan or (left == right and math.copysign(1, left) == math.copysign(1, right))


def assert_rows_equal_evaluate(text: str, points: list[tuple[float, ...]], ties: str = "first", fuse: bool = True):
    program = stage(text, fuse)
    names = names_of(program)
    leaves = program.inputs
    columns = {
        str(leaf.static): np.array(column) for leaf, column in zip(leaves, zip(*points, strict=True), strict=True)
    }
    found = kernel(program, names, ties)(columns)
    for row, point in enumerate(points):
        expected = evaluate(program, dict(zip(leaves, point, strict=True)), ties)
        for line in program.lines:
            assert same(found[names.of[line]][row], expected.value(line)), (names.of[line], point)
        for leaf in leaves:
            assert same(found[names.gradient_of(leaf)][row], expected.gradient(leaf)), (leaf.static, point)


@pytest.mark.parametrize(("form", "ties"), FORMS, ids=str)
@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
def test_a_row_equals_evaluate_bit_for_bit(form, ties, fuse):
    number = len(stage(form).inputs)
    drawn = random.Random(7)
    points = list(product(SPECIAL, repeat=min(number, 2)))
    points = [(*point, *drawn.choices(SPECIAL, k=number - len(point))) for point in points]
    points += [tuple(drawn.uniform(-2, 2) for _ in range(number)) for _ in range(100)]
    assert_rows_equal_evaluate(form, points, ties, fuse)


@pytest.mark.parametrize(
    "text",
    [
        NOTE,
        "w[0]*x + w[1]*y + w[2]",
        "W[0, 1]*x - W[1, 0]**2",
        "x*dx + f",
        "_exp + exp(_exp) + sigmoid*sigmoid(erf)",
        "np_ = x; lambda*np_ + λ",
        "a = exp(x); b = 3*y; a*2",
        "max(x, y, x*y, 1) * min(x, 2)",
        "where(x > y, log(x), x*y) + 2*pi*x",
    ],
)
def test_programs_equal_evaluate_bit_for_bit(text):
    drawn = random.Random(11)
    number = len(stage(text).inputs)
    used = [tuple(drawn.uniform(-3, 3) for _ in range(number)) for _ in range(200)]
    if "b = " not in text:
        assert_rows_equal_evaluate(text, used)
    else:  # a statement that nothing uses has no stage in generated code
        program = stage(text)
        found = kernel(program, names_of(program))({"x": np.array([1.0]), "y": np.array([2.0])})
        assert (found["f"][0], found["dx"][0], found["dy"][0]) == (2 * math.e, 2 * math.e, 0.0)


def test_the_kernel_leaves_its_inputs_as_they_were():
    program = stage("x*y + x + y")
    given = {"x": np.array([1.0, 2.0]), "y": np.array([3.0, 4.0])}
    before = {name: numbers.copy() for name, numbers in given.items()}
    kernel(program, names_of(program))(given)
    assert all((given[name] == before[name]).all() for name in given)


def ulps(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """How far apart numbers are, in units of the last place of the second; 0 where both are nan or the same."""
    with np.errstate(all="ignore"):
        apart = np.abs(left - right) / np.spacing(np.abs(right))
    return np.where((left == right) | (np.isnan(left) & np.isnan(right)), 0.0, apart)


@pytest.mark.parametrize("name", [name for name, gate in GATES.items() if not variadic(gate) and name != "where"])
def test_numpys_own_functions_are_within_four_ulp(name):
    program = stage(GATES[name].form)
    drawn = np.random.default_rng(5)
    columns = {str(leaf.static): np.append(SPECIAL, drawn.uniform(-3, 3, 20_000)) for leaf in program.inputs}
    names = names_of(program)
    found, expected = (kernel(program, names, only=["f"], kind=kind)(columns) for kind in ("numpy", "exact"))
    assert ulps(found["f"], expected["f"]).max() <= 4


@pytest.mark.parametrize("rows", [1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5])
@pytest.mark.parametrize("kind", FUNCTIONS)
def test_the_cut_into_blocks_does_not_show(rows, kind):
    program = stage("max(x, -y)*sigmoid(1000*x) + relu(y) + c")
    run = kernel(program, names_of(program), kind=kind)
    drawn = np.random.default_rng(3)
    given = {"x": drawn.normal(size=2 * rows)[::2], "y": drawn.normal(size=rows), "c": np.full(rows, 2.0)}
    found = run(given)
    for start in range(0, rows, 1000):
        part = run({name: numbers[start : start + 1000] for name, numbers in given.items()})
        for name, numbers in part.items():
            assert (numbers == found[name][start : start + 1000]).all(), name


def test_memory_beyond_inputs_and_results_does_not_grow_with_the_rows():
    program = stage(NOTE)
    beyond = []
    for rows in (100_000, 1_000_000):
        run, x = kernel(program, names_of(program), only=["f", "dx", "dy"]), np.zeros(rows)
        tracemalloc.start()
        run({"x": x, "y": x})
        beyond.append(tracemalloc.get_traced_memory()[1] - 3 * x.nbytes)
        tracemalloc.stop()
    assert beyond[1] < 2 * beyond[0] < 4 << 20


def test_without_a_library_of_functions_math_itself_is_asked(monkeypatch):
    monkeypatch.setattr(libm, "_library", lambda: None)
    libm.function.cache_clear()
    try:
        assert_rows_equal_evaluate("exp(x)*log(y) + atan2(x, y)**2", list(product(SPECIAL, repeat=2)))
    finally:
        libm.function.cache_clear()


def test_a_function_that_is_not_maths_is_refused():
    assert libm._agrees(libm.function("exp"), ieee.exp, 1)
    with np.errstate(over="ignore"):
        assert not libm._agrees(lambda x, out: np.copyto(out, np.exp(x) * (1 + 2.3e-16)), ieee.exp, 1)


def test_rows_of_csv_equal_rows_by_eval():
    drawn = random.Random(3)
    points = [(drawn.uniform(-4, 4), drawn.uniform(-4, 4)) for _ in range(20_000)]
    written = table(NOTE, "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in points))
    program = stage(NOTE)
    for row, (x, y) in zip(rows(written), points, strict=True):
        expected = evaluate(program, dict(zip(program.inputs, (x, y), strict=True)))
        gradient = [repr(expected.gradient(leaf)) for leaf in program.inputs]
        assert list(row.values()) == [repr(x), repr(y), repr(expected.value(program.output)), *gradient]


# -- columns ------------------------------------------------------------------------------


def test_columns_are_bound_by_name_and_others_travel_along():
    data = 'id,y,x,note\na1,-4,3,hello\na2,2, 1 ,"x, y"\n'
    assert table("x*y + x", data) == ('id,y,x,note,f,dx,dy\na1,-4,3,hello,-9.0,-3.0,3.0\na2,2, 1 ,"x, y",3.0,3.0,1.0\n')


def test_a_row_keeps_its_text_byte_for_byte():
    lines = ['007,"quo""ted",é\t,1e0', '"","a\nb",  ,+2.50', ",x,☃,.5"]
    written = table("x*x", "a,b,c,x\n" + "\n".join(lines) + "\n")
    assert (
        written
        == "a,b,c,x,f,dx\n"
        + "\n".join(
            f"{line},{numbers}" for line, numbers in zip(lines, ["1.0,2.0", "6.25,5.0", "0.25,1.0"], strict=True)
        )
        + "\n"
    )


def test_elements_lists_and_options_bind_what_is_left():
    assert table("w[0]*x + w[1]*c", "x,w[0],w[1]\n2,3,4\n", "--at", "c=5") == (
        "x,w[0],w[1],f,dw[0],dx,dw[1],dc\n2,3,4,26.0,2.0,3.0,5.0,4.0\n"
    )
    assert (
        table("w[0]*x", '{"x": 2, "w": [3, 4]}\n') == '{"x": 2, "w": [3, 4], "f": 6.0, "dw": [2.0, 0.0], "dx": 3.0}\n'
    )
    assert table("W[1, 0]*x", '{"W": [[1], [3]], "x": 2}\n') == (
        '{"W": [[1], [3]], "x": 2, "f": 6.0, "dW": [[0.0], [2.0]], "dx": 3.0}\n'
    )


def test_only_the_gradients_asked_for():
    assert table("x*y", "x,y\n2,3\n", "--wrt", "y") == "x,y,f,dy\n2,3,6.0,2.0\n"


def test_only_the_added_columns():
    data = "id,x,y\na,2,3\n"
    assert table("x*y", data, "--only") == "f,dx,dy\n6.0,3.0,2.0\n"
    assert table("x*y", data, "--only=dy,f") == "f,dy\n6.0,2.0\n"
    assert table("x*y", data, "--only", "--to", "jsonl") == '{"f": 6.0, "dx": 3.0, "dy": 2.0}\n'
    assert gradcli("--only", "x*y", "--data", "-", data=data).stdout == "f,dx,dy\n6.0,3.0,2.0\n"
    assert "did you mean 'dx'?" in mistake("x*y", data, "--only=dxx")


def test_a_name_that_the_data_have_gets_an_underscore():
    found = gradcli("x*y", "--data", "-", data="f,x,y,dx,dx_\n0,2,3,1,1\n")
    assert found.stdout == "f,x,y,dx,dx_,f_,dx__,dy\n0,2,3,1,1,6.0,3.0,2.0\n"
    assert found.returncode == 0
    assert found.stderr.count("remark: ") == 2


def test_a_later_row_of_jsonl_cannot_have_an_added_name_twice():
    found = gradcli("x*x", "--data", "-", "--from", "jsonl", data='{"x": 1}\n{"x": 2, "f": 3}\n')
    assert found.stdout == '{"x": 1, "f": 1.0, "dx": 2.0}\n{"f": null, "dx": null}\n'
    assert found.returncode == 2


def test_a_program_without_inputs_has_the_same_number_in_every_row():
    assert table("1 + 1", "a\nx\ny\n") == "a,f\nx,2.0\ny,2.0\n"


def test_missing_columns_are_named_at_once():
    message = mistake("alpha*x + beta", "alhpa,x\n1,2\n")
    assert "'alpha', 'beta'" in message
    assert "did you mean 'alhpa'?" in message
    assert "w[1]" in mistake("w[0] + w[1]", "w[0]\n1\n")
    assert "'y'" in mistake("x*y", '{"x": 1}\n')


def test_a_name_is_given_once():
    assert "given twice: 'x'" in mistake("x*y", "x,y\n1,2\n", "--at", "x=3")
    assert "two columns are called 'x'" in mistake("x", "x,x\n1,2\n")
    assert "no input 'z'" in mistake("x", "x\n1\n", "--at", "z=3")


# -- formats ------------------------------------------------------------------------------


def test_every_format_to_every_other():
    by_format = {
        "csv": 'n,x\na,2.50\n"b,c",3\n',
        "tsv": "n\tx\na\t2.50\nb,c\t3\n",
        "jsonl": '{"n": "a", "x": 2.50}\n{"n": "b,c", "x": 3}\n',
    }
    added = {"csv": ["f,dx", "6.25,5.0", "9.0,6.0"], "tsv": ["f\tdx", "6.25\t5.0", "9.0\t6.0"]}
    for source, to in product(by_format, repeat=2):
        written = table("x*x", by_format[source], "--from", source, "--to", to)
        if to == "jsonl":
            found = [json.loads(line) for line in written.splitlines()]
            assert [(row["n"], float(row["x"]), row["f"], row["dx"]) for row in found] == [
                ("a", 2.5, 6.25, 5.0),
                ("b,c", 3.0, 9.0, 6.0),
            ]
        else:
            separator = "," if to == "csv" else "\t"
            lines = by_format[to].splitlines()
            assert written.splitlines() == [separator.join(pair) for pair in zip(lines, added[to], strict=True)]


def test_formats_follow_the_names_of_files_and_a_brace(tmp_path):
    (tmp_path / "d.tsv").write_text("x\ty\n2\t3\n")
    out = tmp_path / "o.jsonl"
    assert gradcli("x*y", "--data", str(tmp_path / "d.tsv"), "-o", str(out)).returncode == 0
    assert json.loads(out.read_text()) == {"x": 2, "y": 3, "f": 6.0, "dx": 3.0, "dy": 2.0}
    assert table("x", ' {"x": 1}\n') == '{"x": 1, "f": 1.0, "dx": 1.0}\n'


def test_cells_that_give_inputs_become_json_numbers_that_read_back():
    data = 'n,x,w\n007,.5,"[1, 2]"\n1,+1e0,"[3,4]"\n'
    written = table("x*w[0]", data, "--to", "jsonl")
    assert written == (
        '{"n": "007", "x": 0.5, "w": [1, 2], "f": 0.5, "dx": 1.0, "dw": [0.5, 0.0]}\n'
        '{"n": "1", "x": 1.0, "w": [3,4], "f": 3.0, "dx": 3.0, "dw": [1.0, 0.0]}\n'
    )
    found = gradcli("x*2", "--data", "-", "--to", "jsonl", data="x\nnan\n1.50\nabc\n")
    assert found.stdout == '{"x": "NaN", "f": "NaN", "dx": 2.0}\n{"x": 1.50, "f": 3.0, "dx": 2.0}\n' + (
        '{"x": "abc", "f": null, "dx": null}\n'
    )


def test_values_of_json_become_cells():
    data = '{"x": 1.50, "a": null, "b": [1, "ü"], "c": true, "d": "1,2"}\n{"x": 2}\n'
    written = table("x", data, "--to", "csv")
    assert written == 'x,a,b,c,d,f,dx\n1.50,,"[1, ""ü""]",True,"1,2",1.5,1.0\n2,,,,,2.0,1.0\n'.replace("True", "true")


def test_line_breaks_marks_and_blank_lines():
    assert table("x*x", "x\r\n2\r\n\r\n3\r\n") == "x,f,dx\r\n2,4.0,4.0\r\n3,9.0,6.0\r\n"
    assert table("x*x", "\ufeffx\n\n2") == "x,f,dx\n2,4.0,4.0\n"
    assert table("x*x", '\ufeff{"x": 2}\n\n') == '{"x": 2, "f": 4.0, "dx": 4.0}\n'
    assert table("x*x", '"x","t"\n2,"a\nb"\n3,c\n') == '"x","t",f,dx\n2,"a\nb",4.0,4.0\n3,c,9.0,6.0\n'


def test_numbers_that_are_not_finite_are_written_so_that_they_read_back():
    found = gradcli("x*2", "--data", "-", data="x\nnan\n-inf\n1e400\n")
    assert found.stdout == "x,f,dx\nnan,nan,2.0\n-inf,-inf,2.0\n1e400,inf,2.0\n"
    found = gradcli("x*2", "--data", "-", data='{"x": "NaN"}\n{"x": "-Infinity"}\n{"x": 1' + "0" * 400 + "}\n")
    assert [json.loads(line)["f"] for line in found.stdout.splitlines()] == ["NaN", "-Infinity", "Infinity"]
    assert found.returncode == 0


def test_a_header_alone_is_a_table_and_nothing_is_none():
    assert table("x", "x,y\n") == "x,y,f,dx\n"
    assert "empty" in mistake("x", "")
    assert table("x", "", "--from", "jsonl") == ""


def test_what_cannot_be_read_is_said():
    assert "UTF-16" in mistake("x", "x\n1\n".encode("utf-16"))
    assert "no text in UTF-8" in mistake("x", b"x\0\n1\n")
    assert "no text in UTF-8" in mistake("x", "x\n1\n".encode("utf-16-le"))
    assert "carriage return" in mistake("x", "x,y\r1,2\r")
    assert "tsv" in mistake("x*y", "x\ty\n1\t2\n", "--from", "csv")
    assert "semicolons" in mistake("x*y", "x;y\n1,5;2\n")
    assert "cannot be read" in gradcli("x", "--data", "no/such/file.csv").stderr
    assert "names of the columns" in mistake("x", "\n\n")


def test_options_that_do_not_go_together(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("x\n1\n")
    assert "--data FILE gives one" in gradcli("x", "--at", "x=1", "--to", "csv").stderr
    assert "--to jsonl" in mistake("x", "x\n1\n", "--json")
    assert "both" in gradcli("--data", "-", data="x\n1\n").stderr
    assert "overwrite" in gradcli("x", "--data", str(path), "-o", str(path)).stderr
    assert path.read_text() == "x\n1\n"


# -- bad rows -----------------------------------------------------------------------------

BAD = 'x,y\n3,-4\n=1+1,2\n1\n1,2,3\n"1,000",1\n,5\n1_0,1\n٣,1\n--1,1\n0.5,10\n'


def test_a_bad_row_keeps_its_place_and_is_named():
    found = gradcli("x*y + x", "--data", "-", data=BAD)
    assert found.returncode == 2
    assert [row["f"] for row in rows(found.stdout)] == ["-9.0", *[""] * 8, "5.5"]
    assert None not in rows(found.stdout)[3], "what is too much is not left under the added columns"
    assert found.stderr.splitlines() == [
        "error: line 3, column 'x': '=1+1' is no number",
        "error: line 4: the row has 1 cell, the header 2",
        "error: line 5: the row has 3 cells, the header 2, what is too much is left out",
        "error: line 6, column 'x': '1,000' is no number",
        "error: line 7, column 'x': the cell is empty",
        "error: line 8, column 'x': '1_0' is no number",
        "error: line 9, column 'x': '٣' is no number",
        "error: line 10, column 'x': '--1' is no number",
    ]


def test_bad_rows_are_left_out_or_end_the_run():
    found = gradcli("x*y + x", "--data", "-", "--errors", "skip", data=BAD)
    assert found.stdout == "x,y,f,dx,dy\n3,-4,-9.0,-3.0,3.0\n0.5,10,5.5,11.0,0.5\n"
    assert found.returncode == 2
    found = gradcli("x*y + x", "--data", "-", "--errors", "stop", data=BAD)
    assert found.stdout == "x,y,f,dx,dy\n3,-4,-9.0,-3.0,3.0\n"
    assert (found.returncode, found.stderr) == (2, "error: line 3, column 'x': '=1+1' is no number\n")


def test_ten_bad_rows_are_named_and_the_others_counted():
    found = gradcli("x", "--data", "-", data="x\n" + "bad\n" * 12 + "1\n")
    assert found.stderr.count("is no number") == 10
    assert found.stderr.endswith("error: and 2 more bad rows\n")


def test_bad_lines_of_json_are_named_and_what_is_written_is_json():
    bad = [
        '{"x": 1, "y"',
        "5",
        '{"x": null, "y": 2}',
        '{"x": "1", "y": 2}',
        '{"x": 1, "x": 2, "y": 3}',
        '{"x": true, "y": 1}',
    ]
    bad += ['{"x": NaN, "y": 1}', '{"x": [[1]], "y": 1}', '{"y": 1}', '{"x": ' + "[" * 5000 + "]" * 5000 + "}"]
    found = gradcli(
        "x*y", "--data", "-", "--from", "jsonl", data="\n".join(['{"x": 3, "y": -4}', *bad, '{"x": 2, "y": 5}'])
    )
    written = [json.loads(line, parse_constant=pytest.fail) for line in found.stdout.splitlines()]
    assert [row["f"] for row in written] == [-12.0, *[None] * len(bad), 10.0]
    assert found.returncode == 2
    for number in range(2, 12):
        assert f"error: line {number}" in found.stderr


def test_lists_that_are_too_short_are_bad_rows():
    found = gradcli(
        "w[0] + w[2]", "--data", "-", data='{"w": [1, 2, 3]}\n{"w": [1, 2]}\n{"w": 1}\n{"w": [1, 2, "a"]}\n'
    )
    assert [json.loads(line)["dw"] for line in found.stdout.splitlines()] == [[1.0, 0.0, 1.0], None, None, None]
    assert "the list has 2 entries, [2] is wanted" in found.stderr
    assert "1 is no list" in found.stderr


def test_a_quote_that_is_never_closed_does_not_swallow_the_table():
    found = gradcli("x", "--data", "-", data='x,note\n1,a\n2,"' + "b\n" * 200_000)
    assert found.returncode == 2
    assert found.stdout.startswith("x,note,f,dx\n1,a,1.0,1.0\n")
    assert "line 3: a quote is opened and never closed" in found.stderr
    found = gradcli("x", "--data", "-", data='x,note\n2,"' + "b\n" * (LONGEST // 2 + SIZE))
    assert "not closed within 16 MiB" in found.stderr


def test_bytes_that_are_not_utf8_are_a_bad_row():
    found = gradcli("x", "--data", "-", data=b"x,t\n1,\xe9\n2,\xc3\xa9\n")
    assert found.stdout == "x,t,f,dx\n1,\ufffd,,\n2,é,2.0,1.0\n"
    assert "line 2: the row is no text in UTF-8" in found.stderr
    found = gradcli("x", "--data", "-", data=b"x\n1\n2\0\n3\n")
    assert found.stdout == "x,f,dx\n1,1.0,1.0\n2\ufffd,,\n3,3.0,1.0\n"
    found = gradcli("x", "--data", "-", data=b'{"x": 1}\n{"x": 2, "t": "\xe9"}\n{"x": 3, "t": "\xc3\xa9"}\n')
    assert (
        found.stdout
        == '{"x": 1, "f": 1.0, "dx": 1.0}\n{"f": null, "dx": null}\n{"x": 3, "t": "é", "f": 3.0, "dx": 1.0}\n'
    )


def test_cells_that_a_spreadsheet_would_run_are_remarked():
    for cell in ("=cmd", "@SUM(1)", "+1+1", "-2+3", '"\t=1"'):
        found = gradcli("x", "--data", "-", data=f"x,note\n1,a\n2,{cell}\n")
        assert found.returncode == 0
        assert f"2,{cell},2.0,1.0\n" in found.stdout
        assert "a spreadsheet would run them" in found.stderr
    assert table("x", "x,note\n1,-2\n2,+1e5\n3,-inf\n")


# -- what is counted ----------------------------------------------------------------------


def test_ties_kinks_and_births_are_counted_by_stage():
    points = list(product([-1.0, 0.0, 1.0, 2.0], repeat=2))
    data = "x,y\n" + "".join(f"{x},{y}\n" for x, y in points)
    found = gradcli("m = max(x, y); k = abs(x); l = log(y); r = sqrt(x - 1); m + k + l + r", "--data", "-", data=data)
    counted = [line.removeprefix("warning: ").partition(":")[0] for line in found.stderr.splitlines()]
    assert sorted(counted) == [
        "dx is nan or inf in 2 rows",  # x = 1, where the root has no slope, and y > 0
        "k is at its kink in 4 rows",
        "l is nan or inf in 8 rows",
        "m is at a tie in 4 rows",
        "r is nan or inf in 8 rows",
    ]
    assert found.returncode == 0
    assert gradcli("max(x, y)", "--data", "-", "--strict", data="x,y\n1,1\n").returncode == 2


def test_bad_rows_are_not_counted():
    found = gradcli("max(x, y)", "--data", "-", data="x,y\n1,1\n0,a\nb,0\n")
    assert "f is at a tie in 1 row:" in found.stderr


# -- streams ------------------------------------------------------------------------------


def test_the_cut_into_chunks_does_not_show():
    drawn = random.Random(5)
    cells = ["1", "2.5", '"3"', "-4", '"5\n"', "x", "", '"a,b"', "é"]
    lines = [
        f"{drawn.choice(cells)},{drawn.choice(['t', 'é', chr(34) + 'u' + chr(10) + 'v' + chr(34)])}"
        for _ in range(90_000)
    ]
    data = "x,t\n" + "\n".join(lines) + "\n"
    assert len(data) > 2 * SIZE
    found = rows(gradcli("x*x", "--data", "-", data=data).stdout)
    expected = rows(data)
    assert [(row["x"], row["t"]) for row in found] == [(row["x"], row["t"]) for row in expected]
    for row in found:
        number = float(row["x"]) if row["x"].strip() in ("1", "2.5", "3", "-4", "5") else None
        assert row["f"] == ("" if number is None else repr(number * number))


def started(*args: str, **streams) -> subprocess.Popen:
    return subprocess.Popen([SCRIPT, "eval", *args], stdin=subprocess.PIPE, env=ENVIRONMENT, **streams)


def test_the_first_rows_leave_before_the_input_ends_and_ctrl_c_leaves_whole_rows():
    with started("x*x", "--data", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdin.write(b"x\n2\n3\n4")
        process.stdin.flush()
        expected = b"x,f,dx\n2,4.0,4.0\n3,9.0,6.0\n"
        written = b""
        while len(written) < len(expected):
            assert select.select([process.stdout], [], [], 30)[0]
            written += os.read(process.stdout.fileno(), 1000)
        for _ in range(8):  # one that comes just before the program waits for input is seen with the next
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(4)
                break
        assert process.wait(4) == 130
        assert written + process.stdout.read() == expected
        assert process.stderr.read() == b""


def test_a_closed_pipe_ends_quietly():
    with started("x*x", "--data", "-", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        try:
            process.stdin.write(b"x\n" + b"2\n" * 500_000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert process.wait(30) == 141
        assert process.stderr.read() == b""


def test_a_terminal_sees_rows_and_rate_and_a_pipe_does_not(tmp_path):
    ours, theirs = pty.openpty()
    data = "x\n" + "2\n" * 1000
    path = tmp_path / "o.csv"
    found = subprocess.run(
        [SCRIPT, "eval", "x*x", "--data", "-", "-o", str(path)],
        input=data.encode(), stderr=theirs, env={**ENVIRONMENT, "TERM": "xterm", "COLUMNS": "80"}, timeout=60,
    )  # fmt: skip
    os.close(theirs)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert found.returncode == 0
    assert "1,000 rows" in shown
    assert path.read_text() == "x,f,dx\n" + "2,4.0,4.0\n" * 1000


# -- the kernel in C ----------------------------------------------------------------------

NEEDS_CC = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "gradcli" / "kernels"


@NEEDS_CC
def test_c_is_within_four_ulp_of_numpy_and_keeps_nan_and_infinity(cache):
    gates = [gate for gate in GATES.values() if gate.form.count("...") == 0 and gate.name != "where"]
    forms = [re.sub(r"\b(a|y)\b", "p", re.sub(r"\b(b|x)\b", "q", gate.form)) for gate in gates]
    text = "; ".join(f"v{place} = {form}" for place, form in enumerate(forms))
    text += "; " + " + ".join(f"v{place}" for place in range(len(forms)))
    program = stage(text)
    drawn = np.random.default_rng(5)
    special = np.array(list(product(SPECIAL, repeat=2))).T
    columns = {name: np.append(special[side], drawn.uniform(-3, 3, 5000)) for side, name in enumerate("pq")}
    names = names_of(program)
    found, expected = (kernel(program, names, kind=kind)(columns) for kind in ("c", "exact"))
    for place, form in enumerate(forms):
        name = f"v{place}"
        assert ulps(found[name], expected[name]).max() <= 4, form


@NEEDS_CC
@pytest.mark.parametrize(
    "text", [NOTE, "w[0]*x + w[2]*y + 3", "W[0, 1]*x - exp(W[1, 0])", "λ*dx + λ**2", "max(x, y, 1)*2", "x"]
)
def test_programs_in_c(text, cache):
    program = stage(text)
    drawn = np.random.default_rng(2)
    columns = {str(leaf.static): drawn.uniform(-3, 3, 1000) for leaf in program.inputs}
    names = names_of(program)
    found, expected = (kernel(program, names, kind=kind)(columns) for kind in ("c", "exact"))
    assert found.keys() == expected.keys()
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-13)


@NEEDS_CC
def test_what_is_compiled_is_kept_for_its_owner_alone(cache, monkeypatch):
    given = ("x*y", "--data", "-", "--kernel", "c")
    assert gradcli(*given, data="x,y\n2,3\n", XDG_CACHE_HOME=str(cache.parent.parent)).stdout.endswith(
        "2,3,6.0,3.0,2.0\n"
    )
    (made,) = cache.iterdir()
    assert (cache.stat().st_mode & 0o777, made.stat().st_mode & 0o777) == (0o700, 0o600)
    before = made.stat().st_mtime_ns
    gradcli(*given, data="x,y\n2,3\n", XDG_CACHE_HOME=str(cache.parent.parent))
    assert [path.stat().st_mtime_ns for path in cache.iterdir()] == [before]
    cache.chmod(0o777)
    found = gradcli(*given, data="x,y\n2,3\n", XDG_CACHE_HOME=str(cache.parent.parent))
    assert (found.returncode, found.stdout) == (2, "")
    assert "is open to others" in found.stderr


def test_without_a_compiler_it_is_said(cache, tmp_path):
    found = gradcli("x", "--data", "-", "--kernel", "c", data="x\n1\n", PATH=str(tmp_path))
    assert (found.returncode, found.stdout) == (2, "")
    assert "needs a C compiler" in found.stderr


# -- Parquet ------------------------------------------------------------------------------

WITHOUT_POLARS = "import sys; sys.modules['polars'] = None; from gradcli.cli.main import main; main()"


def test_parquet_without_polars_says_what_to_install():
    command = [sys.executable, "-c", WITHOUT_POLARS, "eval", "x", "--data", "-", "--from", "parquet"]
    found = subprocess.run(command, input=b"PAR1", capture_output=True, timeout=60)
    assert (found.returncode, found.stdout) == (2, b"")
    assert b'pip install "gradcli[data]"' in found.stderr


def test_parquet_gives_the_rows_that_csv_gives(tmp_path):
    polars = pytest.importorskip("polars")
    drawn = random.Random(3)
    points = [(drawn.uniform(-4, 4), drawn.uniform(-4, 4)) for _ in range(70_000)]  # several blocks
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    columns = {"id": [f"é{row}" for row in range(len(points))], "x": [x for x, _ in points], "k": range(len(points))}
    polars.DataFrame({**columns, "y": [y for _, y in points]}).write_parquet(source)
    found = gradcli(NOTE, "--data", str(source), "-o", str(out))
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")
    written = polars.read_parquet(out)
    assert written.drop("f", "dx", "dy").equals(polars.read_parquet(source))
    expected = rows(table(NOTE, "x,y\n" + "".join(f"{x!r},{y!r}\n" for x, y in points)))
    for name in ("f", "dx", "dy"):
        assert written[name].to_list() == [float(row[name]) for row in expected]
    assert rows(gradcli(NOTE, "--data", str(source), "--to", "csv", "--only").stdout) == [
        {name: row[name] for name in ("f", "dx", "dy")} for row in expected
    ]


def test_bad_rows_and_lists_of_parquet(tmp_path):
    polars = pytest.importorskip("polars")
    source, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    polars.DataFrame({"x": [1, None, 3, 4], "w": [[1.0, 2.0], [1.0, 2.0], [2.0, 3.0], [4.0]]}).write_parquet(source)
    found = gradcli("w[0]*x + w[1]", "--data", str(source), "-o", str(out))
    assert found.returncode == 2
    assert [line.partition(":")[2].partition(",")[0] for line in found.stderr.splitlines()] == [" line 2", " line 4"]
    written = polars.read_parquet(out)
    assert written["x"].to_list() == [1, None, 3, 4]
    assert written["f"].to_list() == [3.0, None, 9.0, None]
    assert written["dw"].to_list() == [[1.0, 1.0], None, [3.0, 1.0], None]
    for errors, kept in (("skip", [3.0, 9.0]), ("stop", [3.0])):
        assert gradcli("w[0]*x + w[1]", "--data", str(source), "-o", str(out), "--errors", errors).returncode == 2
        assert polars.read_parquet(out)["f"].to_list() == kept


def test_csv_to_parquet_and_back_through_pipes(tmp_path):
    polars = pytest.importorskip("polars")
    out = tmp_path / "o.parquet"
    found = gradcli("x*x", "--data", "-", "-o", str(out), data="n,x\n007,1.5\nb,bad\n")
    assert found.returncode == 2
    assert polars.read_parquet(out).rows() == [("007", 1.5, 2.25, 3.0), ("b", None, None, None)]
    back = gradcli("x*2", "--data", "-", "--from", "parquet", "--to", "jsonl", data=out.read_bytes())
    assert [json.loads(line)["f_"] for line in back.stdout.splitlines()] == [3.0, None]


def test_what_is_no_parquet_is_said():
    pytest.importorskip("polars")
    for data in (b"PAR1\xde\xad\xbe\xefPAR1", b"x,y\n1,2\n", b"", b"PAR1\xff\xff\xff\x7fPAR1"):
        assert "cannot be read as Parquet" in mistake("x", data, "--from", "parquet", "--to", "csv")
