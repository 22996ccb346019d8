"""The house: who may import whom, what start-up loads, who may run code, and that depth is no limit."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from calculation import calculate

import gradcli

ROOT = Path(gradcli.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# A module imports only from modules above it; a package counts as one module here. A new one gets its line.
HOUSE = """
    errors words ieee gates array_gates sizes dimensions graph
    tokens numpy_words mistakes array_mistakes spellings stack array_calls indices brackets parser
    printer formula rewrite
    program naming staging misfits shape_rules shaping written_gates shapes backward
    rows evaluate array_elementwise array_reductions array_pullbacks array_values
    array_evaluate array_findings entry_writer entry_reductions entry_matrices entries exact local array_local findings
    files values declared point calculate
    checks diagnose explain codegen draw batch
    api
    cli
"""
LAYERS = HOUSE.split()
# Each serves one purpose of the tool and knows nothing of the others.
CONSUMERS = ("checks", "diagnose", "explain", "codegen", "draw", "batch")
# but batch computes by the assignments that codegen makes, and a drawn page runs its JavaScript
ALLOWED = {"batch.steps": {"codegen"}, "batch.native": {"codegen"}, "draw.live": {"codegen"}}
HEAVY = ("numpy", "sympy", "mpmath", "rich", "importlib.metadata")


def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def module_of(file: Path) -> str:
    """The dotted name within the package: "cli.main"; a package's own file has the package's name."""
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imported(tree: ast.Module) -> Iterator[str]:
    """The dotted names that are imported anywhere, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_imports(tree: ast.Module) -> set[str]:
    """The modules of gradcli among what is imported."""
    names = {name.removeprefix("gradcli.") for name in imported(tree) if name.startswith("gradcli.")}
    return names & {module_of(file) for file in FILES}


def layer(module: str) -> str:
    return module.partition(".")[0]


# -- imports ------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_file_imports_only_from_above(file):
    module = module_of(file)
    if module in ("__init__", "__main__"):
        return
    assert layer(module) in LAYERS, "a new module needs its place in LAYERS"
    above = LAYERS[: LAYERS.index(layer(module))]
    outside = {layer(other) for other in own_imports(tree_of(file))} - {layer(module)}
    assert outside <= set(above)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_consumers_do_not_import_each_other(file):
    own = layer(module_of(file))
    if own in CONSUMERS:
        others = set(CONSUMERS) - {own} - ALLOWED.get(module_of(file), set())
        assert not {layer(other) for other in own_imports(tree_of(file))} & others


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_commands_do_not_import_each_other(file):
    if file.stem.endswith("_command"):
        assert not [other for other in own_imports(tree_of(file)) if other.endswith("_command")]


def test_nothing_imports_itself_in_a_circle_when_it_is_loaded():
    waiting = {module_of(file): own_imports(at_loading(file)) - {module_of(file)} for file in FILES}
    while free := [module for module, needs in waiting.items() if not needs & set(waiting)]:
        for module in free:
            del waiting[module]
    assert waiting == {}


def at_loading(file: Path) -> ast.Module:
    """The imports at the top of a file."""
    return ast.Module([node for node in tree_of(file).body if isinstance(node, ast.Import | ast.ImportFrom)], [])


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_only_the_console_knows_rich_and_only_the_command_line_knows_click(file):
    foreign = {name.partition(".")[0] for name in imported(tree_of(file))}
    assert "rich" not in foreign or module_of(file) == "cli.console"
    assert "click" not in foreign or layer(module_of(file)) == "cli"


# -- start-up -----------------------------------------------------------------------------

ENTRY = """
import sys
sys.argv = ["gradcli", *{args!r}]
sys.stdout = open({sink!r}, "w")
import os
os._exit = lambda status: sys.stderr.write(" ".join(sys.modules))
from gradcli.cli.main import main
main()
"""


@pytest.mark.parametrize(
    "args",
    [
        ["--help"],
        ["--version"],
        ["eval", "--help"],
        ["eval", "x*y", "--at", "x=3,y=-4"],
        ["eval", "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "--at", "x=3,y=-4", "--json"],
        ["eval", "max(x, y)", "--at", "x=1,y=1"],
        ["gates"],
    ],
    ids=" ".join,
)
def test_a_command_in_a_pipe_loads_nothing_heavy(args, tmp_path):
    loaded = modules_after(ENTRY.format(args=args, sink=str(tmp_path / "out")))
    assert "gradcli.cli.main" in loaded
    assert (tmp_path / "out").stat().st_size > 0
    assert not loaded & set(HEAVY)


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, gradcli, gradcli.staging, gradcli.evaluate; sys.stderr.write(' '.join(sys.modules))"
    assert not modules_after(code) & {*HEAVY, "click"}


def modules_after(code: str) -> set[str]:
    """The modules that are loaded when a fresh interpreter has run the code."""
    result = subprocess.run(
        [sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True, timeout=60
    )
    return set(result.stderr.split())


def test_nothing_of_the_table_is_parsed_or_compiled_at_import():
    code = (
        "import sys, gradcli.cli.eval_command, gradcli.formula, gradcli.rows; "
        "caches = [gradcli.formula.formula, gradcli.rows.value_function, gradcli.rows.share_function]; "
        "sys.stderr.write(str([cache.cache_info().currsize for cache in caches]))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stderr == "[0, 0, 0]"


# -- code ---------------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_only_the_rows_of_the_table_and_generated_code_are_ever_compiled(file):
    calls = [node.func for node in ast.walk(tree_of(file)) if isinstance(node, ast.Call)]
    named = {call.id for call in calls if isinstance(call, ast.Name)}
    methods = {call.attr for call in calls if isinstance(call, ast.Attribute)}
    assert module_of(file) in ("rows", "api.function") or not named & {"eval", "exec", "compile"}
    assert not methods & {"sympify", "parse_expr", "literal_eval", "system", "popen"}
    assert module_of(file) == "batch.native" or "subprocess" not in set(imported(tree_of(file)))
    assert "pickle" not in set(imported(tree_of(file)))


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_every_module_and_every_public_name_says_what_it_does(file):
    tree = tree_of(file)
    assert ast.get_docstring(tree)
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


# -- depth --------------------------------------------------------------------------------

DEPTH = 10_000
DEEP = {
    "calls": "sin(" * DEPTH + "x" + ")" * DEPTH,
    "parentheses": "(" * DEPTH + "x" + ")" * DEPTH,
    "signs": "-" * DEPTH + "x",
    "roots": "√" * DEPTH + "x",
    "powers": "x" + "**x" * DEPTH,
    "sum": "x" + "+x" * DEPTH,
    "difference on the right": "x" + "-(x" * DEPTH + ")" * DEPTH,
    "product": "x" + "*x" * DEPTH,
    "quotients": "x/(1+" * DEPTH + "x" + ")" * DEPTH,
    "max": "max(1," * DEPTH + "x" + ")" * DEPTH,
    "sigmoids": "1/(1+exp(-" * DEPTH + "x" + "))" * DEPTH,
    "constants": "x + " + "2*(1+" * DEPTH + "1" + ")" * DEPTH,
    "statements": "a0 = x\n" + "\n".join(f"a{i + 1} = cos(a{i})" for i in range(DEPTH)),
    "copies": "a0 = x\n" + "\n".join(f"a{i + 1} = a{i}" for i in range(DEPTH)),
    "overflow": "exp(" * DEPTH + "x" + ")" * DEPTH,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
def test_depth_is_no_limit_from_text_to_warnings(text, fuse):
    found = calculate(text, {"x": 0.5}, fuse=fuse)
    assert found.lines
    assert all(len(line.code) < 500 and len(line.name) < 50 for line in found.lines)


def test_a_hundred_thousand_nested_calls_have_the_gradient_of_their_product():
    depth = 100_000
    found = calculate("sin(" * depth + "x" + ")" * depth, {"x": 1.0})
    slope, x = 1.0, 1.0
    for line in found.lines:
        slope *= (1 - line.value**2) ** 0.5  # cos where sin is positive and the angle below a quarter turn
        x = line.value
    assert found.value == x
    assert found.gradient["x"] == pytest.approx(slope, rel=1e-6)
