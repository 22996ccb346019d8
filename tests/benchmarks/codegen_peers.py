"""Generated C against that of other generators: CPU time of a call, and of generating it, in turns, as ratios.

Run where CasADi or SymForce is installed: python tests/benchmarks/codegen_peers.py
Each peer is given the note's function and the random programs of codegen_speed.py through its own operators.
"""

from __future__ import annotations

import gc
import os
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from codegen_speed import SIXTH, Gate, c_speed, random_program, ratio, told

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.staging import stage

Build = Callable[[list[Any], Any], Any]  # inputs and a library of functions -> the value


def sigmoid(x: Any, library: Any) -> Any:
    return 1 / (1 + library.exp(-x))


def note(inputs: list[Any], library: Any) -> Any:
    x, y = inputs
    return (x + sigmoid(y, library)) / (sigmoid(x, library) + (x + y) ** 2)


def program(gates: list[Gate]) -> Build:
    """A random program by a peer's operators."""
    rules: dict[str, Callable[[Any, Any, Any], Any]] = {
        "+": lambda a, b, library: a + b,
        "-": lambda a, b, library: a - b,
        "*": lambda a, b, library: a * library.sin(b),
        "/": lambda a, b, library: a / (2 + library.sin(b)),
        "sin": lambda a, b, library: library.sin(a),
        "exp": lambda a, b, library: library.exp(-(a**2)),
        "sigmoid": lambda a, b, library: sigmoid(a, library),
        "max": lambda a, b, library: library.max(a, b),
        "square": lambda a, b, library: library.sin(a) ** 2,
    }

    def build(inputs: list[Any], library: Any) -> Any:
        values = list(inputs)
        for operation, a, b in gates:
            values.append(rules[operation](values[a], values[b], library))
        return values[-1]

    return build


def product(inputs: list[Any], library: Any) -> Any:
    value = inputs[0]
    for factor in inputs[1:]:
        value = value * factor
    return value


def head(inputs: int) -> str:
    """The beginning of `hand`, as codegen_speed.py calls it."""
    names = [*(f"double x{place}" for place in range(inputs)), *(f"double *o{place}" for place in range(inputs))]
    return f"double hand({', '.join(names)})"


def listed(form: str, inputs: int) -> str:
    return ", ".join(form.format(place) for place in range(inputs))


# -- CasADi -------------------------------------------------------------------------------


def casadi_code(build: Build, inputs: int) -> tuple[str, Any]:
    """CasADi's C from the operators on, and the Function itself."""
    import casadi

    library = SimpleNamespace(sin=casadi.sin, exp=casadi.exp, max=casadi.fmax)
    variables = [casadi.SX.sym(f"x{place}") for place in range(inputs)]
    value = build(variables, library)
    gradient = casadi.gradient(value, casadi.vertcat(*variables))
    parts = [casadi.densify(gradient[place]) for place in range(inputs)]
    function = casadi.Function("peer", variables, [value, *parts])
    function.generate("peer.c", {"with_header": False})
    return Path("peer.c").read_text(encoding="utf-8"), function


def casadi_hand(build: Build, inputs: int) -> tuple[str, str]:
    code, function = casadi_code(build, inputs)
    arguments, results = listed("&x{}", inputs), listed("o{}", inputs)
    return (
        f"{code}\n{head(inputs)} {{ double f; const double *at[] = {{{arguments}}}; double *to[] = {{&f, {results}}}; "
        f"static double w[{function.sz_w() + 1}]; static casadi_int iw[{function.sz_iw() + 1}]; "
        "peer(at, to, iw, w, 0); return f; }\n"
    ), ""


# -- SymForce -----------------------------------------------------------------------------


def symforce_hand(build: Build, inputs: int) -> tuple[str, str]:
    """SymForce's C++; of Eigen it needs only <cmath> for numbers."""
    import symforce

    symforce.set_epsilon_to_number(0.0)
    from symforce import codegen
    from symforce import symbolic as sf
    from symforce.codegen.codegen_config import RenderTemplateConfig
    from symforce.values import Values

    library = SimpleNamespace(sin=sf.sin, exp=sf.exp, max=sf.Max)
    variables = {f"x{place}": sf.Symbol(f"x{place}") for place in range(inputs)}
    value = build(list(variables.values()), library)
    outputs = Values(f=value, **{f"o{place}": value.diff(variables[f"x{place}"]) for place in range(inputs)})
    config = codegen.CppConfig(render_template_config=RenderTemplateConfig(autoformat=False))
    writer = codegen.Codegen(inputs=Values(**variables), outputs=outputs, config=config, name="peer")
    with tempfile.TemporaryDirectory() as folder:
        writer.generate_function(output_dir=folder, skip_directory_nesting=True)
        (written,) = Path(folder).rglob("*.h")
        code = written.read_text(encoding="utf-8").replace("#include <Eigen/Core>", "#include <cmath>")
        code = code.replace("#pragma once", "")
    call = f"double f; sym::Peer<double>({listed('x{}', inputs)}, &f, {listed('o{}', inputs)}); return f;"
    return f"{head(inputs)};\n", f'{code}\nextern "C" {head(inputs)} {{ {call} }}\n'


PEERS = {"casadi": casadi_hand, "symforce": symforce_hand}


def run_time(peer: str) -> None:
    """A call of the emitted C, the note's function and random programs."""
    cases: list[tuple[str, str, Build, int, int]] = [("the note's function", SIXTH, note, 2, 100_000)]
    for size, calls in ((300, 1000), (2000, 100)) if peer == "casadi" else ((60, 1000),):
        text, gates = random_program(size)
        cases.append((f"{size} random gates", text, program(gates), 10, calls))
    for label, text, build, inputs, calls in cases:
        hand, apart = PEERS[peer](build, inputs)
        c_speed(f"emitted C / {peer}: {label}", text, hand, inputs, calls, apart)


def generation() -> None:
    """C from the text, and by CasADi from its operators; the garbage collector is off for both."""
    gc.disable()
    cases: list[tuple[str, str, Build, int]] = []
    for size in (300, 2000):
        text, gates = random_program(size)
        cases.append((f"{size} random gates", text, program(gates), 10))
    cases.append(("product of 100", "*".join(f"x{place}" for place in range(100)), product, 100))
    for label, text, build, inputs in cases:
        ours = ratio(
            lambda text=text: generate(stage(text), "c", Options()) and None,
            lambda build=build, inputs=inputs: casadi_code(build, inputs) and None,
        )
        told(f"generating C / casadi: {label}", ours)


if __name__ == "__main__":
    os.chdir(tempfile.mkdtemp())
    for name in PEERS:
        if find_spec(name):
            run_time(name)
    if find_spec("casadi"):
        generation()
