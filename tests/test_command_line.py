"""The command line as a shell sees it: outputs, exit statuses, and what must never happen whatever is typed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = str(Path(sys.executable).with_name("gradcli"))
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in ("FORCE_COLOR", "NO_COLOR", "COLUMNS")}
NOTE = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"


def gradcli(*args, stdin: str | bytes | None = None, **options) -> subprocess.CompletedProcess:
    """The installed command, run to its end; nobody types at its standard input."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    env = {**ENVIRONMENT, **options.pop("env", {})}
    feed = {"input": data} if data is not None else {"stdin": subprocess.DEVNULL}
    result = subprocess.run([SCRIPT, *args], capture_output=True, env=env, timeout=60, **feed, **options)
    return subprocess.CompletedProcess(
        result.args, result.returncode, result.stdout.decode("utf-8"), result.stderr.decode("utf-8")
    )


def output(*args, **options) -> str:
    """What a command that succeeds without a word on standard error prints."""
    result = gradcli(*args, **options)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def mistake(*args, **options) -> str:
    """What is said about bad input: status 2, nothing on standard output, no traceback."""
    result = gradcli(*args, **options)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
    return result.stderr


def strict(text: str) -> dict:
    """One JSON object on one line, without Python's NaN and Infinity."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    assert text.endswith("}\n")
    assert text.count("\n") == 1
    return json.loads(text, parse_constant=refuse)


# -- results ------------------------------------------------------------------------------


def test_a_pipe_gets_plain_lines():
    assert output("eval", "x*y", "--at", "x=3,y=-4") == "f\t-12.0\ndx\t-4.0\ndy\t3.0\n"


def test_inputs_come_in_order_of_first_appearance_and_lists_as_json():
    lines = output("eval", "b*w[1] + a", "--at", "a=1,b=2,w=[3,4]").splitlines()
    assert lines == ["f\t9.0", "db\t4.0", "dw\t[0.0, 2.0]", "da\t1.0"]


def test_numbers_are_the_shortest_that_read_back():
    assert output("eval", "x*1", "--at", "x=0.1").startswith("f\t0.1\n")
    assert output("eval", "x + y", "--at", "x=0.1,y=0.2").startswith("f\t0.30000000000000004\n")


def test_json_is_one_strict_object_with_the_promised_keys():
    found = strict(output("eval", "(x + y) * z", "--at", "x=-2,y=5,z=-4", "--json"))
    assert found == {
        "expression": "(x + y) * z",
        "output": "f",
        "value": -12.0,
        "gradient": {"x": -4.0, "y": -4.0, "z": 3.0},
        "inputs": {"x": -2.0, "y": 5.0, "z": -4.0},
        "stages": [
            {"name": "xpy", "gate": "add", "code": "x + y", "value": 3.0, "gradient": -4.0},
            {"name": "f", "gate": "mul", "code": "xpy * z", "value": -12.0, "gradient": 1.0},
        ],
        "warnings": [],
    }


def test_json_spells_what_is_not_finite():
    result = gradcli("eval", "log(x)*y + w[0]", "--at", "x=-1,y=-inf,w=[NaN]", "--format", "json")
    found = strict(result.stdout)
    assert found["value"] == "NaN"
    assert found["inputs"] == {"x": -1.0, "y": "-Infinity", "w": ["NaN"]}
    assert {warning["kind"] for warning in found["warnings"]} == {"nonfinite"}


def test_spans_in_json_count_code_points_of_the_expression():
    text = "θ*0 + relu(x)"
    found = strict(gradcli("eval", text, "--at", "θ=1,x=0", "--json").stdout)
    ((start, end),) = [warning["span"] for warning in found["warnings"]]
    assert (found["expression"], text[start:end]) == (text, "relu(x)")


@pytest.mark.parametrize(
    ("name", "number"),
    [("f", -12.0), ("df", 1.0), ("q", 3.0), ("dq", -4.0), ("dx", -4.0), ("dz", 3.0), ("dw[1]", 0.0)],
)
def test_only_prints_one_number(name, number):
    program = "q = x + y; f = q * z + 0*w[1]"
    assert output("eval", program, "--at", "x=-2,y=5,z=-4,w=[1,2]", "--only", name) == f"{number}\n"


def test_only_a_name_that_is_there():
    assert "did you mean 'dalpha'?" in mistake("eval", "alpha*2", "--at", "alpha=1", "--only", "dalhpa")


def test_wrt_limits_what_is_printed():
    assert output("eval", "x*y*z", "--at", "x=1,y=2,z=3", "--wrt", "z,x") == "f\t6.0\ndx\t6.0\ndz\t2.0\n"
    assert "did you mean 'alpha'?" in mistake("eval", "alpha*2", "--at", "alpha=1", "--wrt", "alhpa")


def test_no_fuse_shows_one_elementary_gate_a_stage():
    found = strict(output("eval", "1/(1 + exp(-x))", "--at", "x=1", "--json", "--no-fuse"))
    assert [stage["gate"] for stage in found["stages"]] == ["neg", "exp", "add", "div"]
    assert [round(stage["gradient"], 2) for stage in found["stages"]] == [-0.2, -0.53, -0.53, 1.0]


@pytest.mark.parametrize(("ties", "line"), [("first", "dx\t1.0"), ("split", "dx\t0.5"), ("last", "dx\t0.0")])
def test_ties(ties, line):
    assert line in gradcli("eval", "max(x, y)", "--at", "x=2,y=2", "--ties", ties).stdout


def test_output_to_a_file(tmp_path):
    file = tmp_path / "result.json"
    assert output("eval", "x*y", "--at", "x=3,y=-4", "--json", "-o", str(file)) == ""
    assert strict(file.read_text())["value"] == -12.0


def test_the_same_bytes_every_time():
    args = ("eval", f"{NOTE} + max(x, y) + hypot(x, y)", "--at", "x=3,y=-4", "--json")
    assert len({output(*args, env={"PYTHONHASHSEED": seed}) for seed in ("0", "1", "2")}) == 1


# -- where the expression comes from ------------------------------------------------------


def test_from_standard_input():
    assert output("eval", "--at", "x=4,y=2", "--only", "dx", stdin="max(x, y)\n") == "1.0\n"
    assert output("eval", "-", "--at", "x=4,y=2", "--only", "dx", stdin="max(x, y)") == "1.0\n"


def test_from_a_file(tmp_path):
    (tmp_path / "f.grad").write_text("# a program\r\nq = x + y\r\nf = q * z\r\n", newline="")
    args = ("--at", "x=-2,y=5,z=-4", "--only", "dq")
    assert output("eval", "-f", str(tmp_path / "f.grad"), *args) == "-4.0\n"
    assert output("eval", *args, "-f", "f.grad", cwd=tmp_path) == "-4.0\n"


@pytest.mark.parametrize(
    ("args", "value"),
    [
        (("-f*y", "--at", "f=1,y=2"), "-2.0"),
        (("--at", "f=1,y=2", "-f*y"), "-2.0"),
        (("-x", "--at", "x=3"), "-3.0"),
        (("--at", "x=3", "--", "-x"), "-3.0"),
        (("-2", "--at", "@point.json"), "-2.0"),
        (("--x", "--at", "x=3"), None),
        (("-(x)", "--at=x=3"), "-3.0"),
        (("-o", "result", "x", "--at", "x=3"), ""),
        (("-h*2", "--at", "h=3"), "-6.0"),
    ],
)
def test_an_expression_may_begin_with_a_minus(args, value, tmp_path):
    (tmp_path / "point.json").write_text("{}")
    if value is None:
        assert "no such option: --x" in mistake("eval", *args, cwd=tmp_path)
    else:
        shown = output("eval", *args, cwd=tmp_path)
        assert shown.partition("\n")[0].partition("\t")[2] == value


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("eval", "x", "--att", "x=1"), "did you mean '--at'?"),
        (("eval", "x", "--a", "x=1"), "--a"),
        (("eval", "x", "--jsn", "--at", "x=1"), "did you mean '--json'?"),
        (("eval", "x", "--at"), "--at needs a value"),
        (("evla", "x"), "did you mean 'eval'?"),
        (("--versoin",), "did you mean '--version'?"),
        (("eval", "x", "y", "--at", "x=1"), "quote the expression"),
        (("eval", "x", "--ties", "frist", "--at", "x=1"), "first"),
        (("eval", "x", "--format", "tsvv", "--at", "x=1"), "tsv"),
        (("eval", "x", "--json", "--format", "tsv", "--at", "x=1"), "contradicts"),
        (("eval", "x", "-f", "file", "--at", "x=1"), "not both"),
        (("eval", "-f", "/nonexistent"), "/nonexistent cannot be read"),
        (("eval", "-f", "/"), "is a directory"),
        (("eval", "x", "--at", "x=1", "-o", "/nonexistent/file"), "cannot be written"),
        (("eval", "x*y", "--at", "x=1"), "no value for 'y'"),
        (("eval", "x", "--at", "x=1,z=2"), "no input 'z'"),
        (("gates", "x"), "x"),
        ((), "command"),
    ],
)
def test_mistakes_in_arguments(args, words):
    assert words.lower() in mistake(*args).lower()


def test_no_expression_at_all():
    assert "there is no expression" in mistake("eval", stdin="")
    assert "there is no expression" in mistake("eval", "", "--at", "x=1")


# -- messages -----------------------------------------------------------------------------


def test_an_error_shows_the_place_and_a_hint():
    assert mistake("eval", "x + sigmod(y)", "--at", "x=1,y=2") == (
        "error: unknown function 'sigmod' (column 5)\n  x + sigmod(y)\n      ^^^^^^\n  did you mean 'sigmoid'?\n"
    )


def test_an_error_in_a_file_has_its_name_and_line(tmp_path):
    (tmp_path / "f.grad").write_text("q = x + y\n\nf = q * sigmod(z)\n")
    message = mistake("eval", "-f", "f.grad", "--at", "x=1", cwd=tmp_path)
    assert "f.grad, line 3, column 9" in message
    assert "\n  f = q * sigmod(z)\n          ^^^^^^\n" in message


def test_a_wide_line_is_cut_around_the_caret():
    message = mistake("eval", "x+" * 300 + "sigmod(y)" + "+x" * 300)
    _, line, carets, _ = message.splitlines()
    assert len(line) < 100
    assert line[carets.index("^") : carets.rindex("^") + 1] == "sigmod"


def test_the_caret_stands_under_wide_letters_too():
    _, line, carets, *_ = mistake("eval", "λ*世").splitlines()
    assert line.index("世") == carets.index("^")


def test_warnings_go_to_standard_error_and_the_status_stays_zero():
    result = gradcli("eval", "max(x, y)", "--at", "x=2,y=2")
    assert result.returncode == 0
    assert result.stdout == "f\t2.0\ndx\t1.0\ndy\t0.0\n"
    assert result.stderr.startswith("warning: ")
    assert result.stderr.count("warning:") == 1


def test_strict_makes_warnings_errors():
    assert "tie" in mistake("eval", "max(x, y)", "--at", "x=2,y=2", "--strict")
    assert "log(x)" in mistake("eval", "log(x)", "--at", "x=-1", "--strict", "--json")
    assert output("eval", "max(x, y)", "--at", "x=2,y=1", "--strict").startswith("f\t2.0\n")


def test_names_in_a_file_that_nobody_needs_are_remarked(tmp_path):
    (tmp_path / "point.json").write_text('{"x": 1, "unused": 2}')
    result = gradcli("eval", "x*2", "--at", "@point.json", "--strict", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "f\t2.0\ndx\t2.0\n")
    assert result.stderr.startswith("remark: ")
    assert "unused" in result.stderr


@pytest.mark.parametrize("hostile", ["\x1b[31mred", "\x1b]0;title\x07", "\u202etxt", "a\rb", "\x9b1m", "\u2028"])
def test_control_characters_are_escaped_in_messages(hostile):
    for args in (
        ["eval", f"x + {hostile}"],
        ["eval", "x", "--at", f"{hostile}=1"],
        [hostile],
        ["eval", f"--q{hostile}"],
    ):
        message = mistake(*args)
        assert all(sign.isprintable() or sign == "\n" for sign in message)


def test_rich_markup_is_text():
    args = ("eval", "w[0]*x", "--at", "w=[2],x=3", "--format", "table")
    assert "w[0] * x" in output(*args)
    assert "w[0] * x" in output(*args, env={"FORCE_COLOR": "1"})


# -- terminals ----------------------------------------------------------------------------


def test_a_pipe_has_lines_without_colour_and_force_color_colours_a_table():
    args = ("eval", "x*y", "--at", "x=3,y=-4")
    table = (*args, "--format", "table")
    assert "\x1b[" not in output(*table)
    assert "\x1b[3" in output(*table, env={"FORCE_COLOR": "1"})
    assert output(*args, env={"FORCE_COLOR": "1"}) == output(*args)  # lines stay lines: who reads them is a program
    assert output(*table, env={"FORCE_COLOR": "0"}) == output(*table)
    assert "\x1b[3" not in output(*table, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})


def test_the_table_has_value_and_gradient_side_by_side_and_says_what_they_mean():
    table = output("eval", NOTE, "--at", "x=3,y=-4", "--format", "table")
    rows = [line.split() for line in table.splitlines()]
    names = [row[0] for row in rows if row]
    assert [name for name in names if name in ["sigy", "num", "sigx", "xpy", "xpysqr", "den", "invden", "f"]] == [
        *["sigy", "num", "sigx", "xpy", "xpysqr", "den", "invden", "f"]
    ]
    assert next(row for row in rows if row and row[0] == "xpy")[-2] == "-1"
    assert "raising x by h raises f by 2.06 h" in table
    assert "raising y by h raises f by 1.59 h" in table


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_the_table_keeps_to_the_width_of_the_terminal(columns):
    table = output("eval", NOTE, "--at", "x=3,y=-4", "--format", "table", env={"COLUMNS": columns})
    assert max(len(line) for line in table.splitlines() if "raising" not in line) <= int(columns)


def test_an_ascii_locale_gets_escapes_instead_of_an_end():
    env = {"LC_ALL": "C", "LANG": "C", "PYTHONIOENCODING": "ascii"}
    result = gradcli("eval", "λ*x", "--at", "λ=2,x=3", env=env)
    assert (result.returncode, result.stdout) == (0, "f\t6.0\nd\\u03bb\t3.0\ndx\t2.0\n")
    assert "\\u03bb" in mistake("eval", "λ +", env=env)
    assert "\\u03c3" in output("gates", env=env)


# -- a hard life --------------------------------------------------------------------------


@pytest.mark.parametrize("reader", ["head -c 1", "true"])
@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_closed_pipe_ends_the_program_silently_as_sigpipe_would(form, reader, tmp_path):
    """With more to print than a pipe holds; a shell gives 141 to what SIGPIPE ends."""
    (tmp_path / "f.grad").write_text(" + ".join(f"sin(x{i})" for i in range(6000)))
    (tmp_path / "point.json").write_text(json.dumps({f"x{i}": 1 for i in range(6000)}))
    command = f'("{SCRIPT}" eval -f f.grad --at @point.json --format {form}; echo "status $?" >&2) | {reader}'
    result = subprocess.run(["sh", "-c", command], capture_output=True, env=ENVIRONMENT, cwd=tmp_path, timeout=60)
    assert result.stderr == b"status 141\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_in_one_line():
    for form in ("tsv", "json", "table"):
        with open("/dev/full", "wb") as full:
            args = [SCRIPT, "eval", "x*y", "--at", "x=3,y=-4", "--format", form]
            result = subprocess.run(args, stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT, timeout=60)
        assert result.returncode == 2
        assert result.stderr.startswith(b"error: ")
        assert result.stderr.count(b"\n") == 1
    assert "cannot be written" in mistake("eval", "x", "--at", "x=1", "-o", "/dev/full")


def test_closed_standard_streams():
    command = f'"{SCRIPT}" eval "x*y" --at x=3,y=-4 <&-; echo $?; "{SCRIPT}" eval "x +" 2>&-; echo $?'
    result = subprocess.run(["sh", "-c", command], capture_output=True, env=ENVIRONMENT, timeout=60)
    assert result.stdout == b"f\t-12.0\ndx\t-4.0\ndy\t3.0\n0\n2\n"


def test_standard_input_that_is_no_text():
    assert "not UTF-8" in mistake("eval", "--at", "x=1", stdin=b"x + \xff\xfe")
    assert output("eval", "--at", "x=1", "--only", "f", stdin="\ufeffx + 1") == "2.0\n"


@pytest.mark.parametrize("command", [[sys.executable, "-m", "gradcli"], [SCRIPT]], ids=["module", "script"])
def test_a_module_in_the_current_directory_is_not_run(command, tmp_path):
    for name in ("math", "json", "click", "difflib", "unicodedata", "gc", "rich", "numpy"):
        (tmp_path / f"{name}.py").write_text("open('canary', 'w'); raise SystemExit(7)\n")
    for args in (["eval", "sin(x)", "--at", "x=0", "--json"], ["evla"], ["eval", "sin(x)", "--at", "@math.py"]):
        result = subprocess.run([*command, *args], capture_output=True, cwd=tmp_path, env=ENVIRONMENT, timeout=60)
        assert result.returncode == (0 if "--json" in args else 2)
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch canary')",
        "().__class__",
        "x.__class__",
        "exec(x)",
        "open(canary)",
        "$(touch canary)",
        "`touch canary`",
        "x; import os",
        "@canary",
        "x if 1 else 2",
        "[x for x in y]",
        "lambda: 0",
    ],
)
def test_foreign_code_is_a_mistake(text, tmp_path):
    mistake("eval", text, "--at", "x=1", cwd=tmp_path)
    mistake("eval", "x*2", "--at", f"x={text}", cwd=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_depth_costs_memory_only():
    for text in ("sin(" * 100_000 + "x" + ")" * 100_000, "-(" * 100_000 + "x" + ")" * 100_000):
        result = gradcli("eval", "-", "--at", "x=1", "--only", "dx", stdin=text)
        assert (result.returncode, result.stderr) == (0, "")
        assert -1 <= float(result.stdout) <= 1
    assert "never closed" in mistake("eval", "-", stdin="(" * 100_000 + "x")


# -- help and the listing -----------------------------------------------------------------


@pytest.mark.parametrize("args", [("--help",), ("-h",)])
def test_help_names_every_command(args):
    shown = output(*args)
    assert all(command in shown for command in ("eval", "gates", "--version"))


@pytest.mark.parametrize("command", ["eval", "gates"])
def test_help_of_a_command_ends_with_three_examples_that_work(command):
    shown = output(command, "--help")
    assert output(command, "-h") == shown
    examples = [line.strip() for line in shown.splitlines()[-3:]]
    assert all("gradcli" in example for example in examples)
    env = {**ENVIRONMENT, "PATH": f"{Path(SCRIPT).parent}{os.pathsep}{ENVIRONMENT['PATH']}"}
    for example in examples:
        result = subprocess.run(["sh", "-c", example], capture_output=True, env=env, timeout=60)
        assert (result.returncode, result.stderr) == (0, b"")
        assert result.stdout


def test_version():
    assert output("--version").split()[-1].count(".") == 2


def test_gates_lists_one_gate_a_line():
    rows = [line.split("\t") for line in output("gates").splitlines()]
    listed = {row[0]: row[1:] for row in rows}
    assert listed["mul"][:2] == ["a * b", "da = (b) * dout; db = (a) * dout"]
    assert "((1 - out) * out) * dout" in listed["sigmoid"][1]
    assert "relu'(0) = 0" in listed["relu"]
    assert "--ties" in listed["max"][-1] and "--ties" in listed["amax"][-1]
    assert listed["matmul"][1] == "dA = dout @ B.T; dB = A.T @ dout"
    assert listed["concatenate"][1].startswith("each operand receives part(")
    assert "in rules only" in listed["sum_to"][1]
    assert len({len(row) for row in rows}) == 1
