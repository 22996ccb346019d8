"""Generated code against hand-written code: CPU time of a call, in turns, as ratios.

Run: python tests/benchmarks/codegen_speed.py
Python: the note's own lines against the emitted function. C: staged C as one writes it by hand (a statement for each
gate forward and backward) against the emitted C, on the note's function and on random programs. And what
gradients cost over the corpus, in operations.
"""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))

from gradcli.codegen import generate  # noqa: E402
from gradcli.codegen.target import Options  # noqa: E402
from gradcli.staging import stage  # noqa: E402

SIXTH = "(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)"
ROUNDS = 41
LAYOUTS = 31
NOTE = """
import math
def note(x, y):
    sigy = 1.0 / (1 + math.exp(-y))
    num = x + sigy
    sigx = 1.0 / (1 + math.exp(-x))
    xpy = x + y
    xpysqr = xpy**2
    den = sigx + xpysqr
    invden = 1.0 / den
    f = num * invden
    dnum = invden
    dinvden = num
    dden = (-1.0 / (den**2)) * dinvden
    dsigx = (1) * dden
    dxpysqr = (1) * dden
    dxpy = (2 * xpy) * dxpysqr
    dx = (1) * dxpy
    dy = (1) * dxpy
    dx += ((1 - sigx) * sigx) * dsigx
    dx += (1) * dnum
    dsigy = (1) * dnum
    dy += ((1 - sigy) * sigy) * dsigy
    return f, {"x": dx, "y": dy}
"""


def ratio(ours: Callable[[], None], theirs: Callable[[], None]) -> tuple[float, float, float]:
    """Median and quartiles of the ratios of CPU times, the two in turns."""
    ratios = [_timed(ours) / _timed(theirs) for _ in range(ROUNDS)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    return middle, low, high


def _timed(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def told(label: str, found: tuple[float, float, float]) -> None:
    print(f"{label:58} {found[0]:.2f}  ({found[1]:.2f} to {found[2]:.2f})", flush=True)


# -- Python -------------------------------------------------------------------------------


def python_speed() -> None:
    scope: dict[str, Callable[..., object]] = {}
    exec(generate(stage(SIXTH), "python", Options()), scope)
    exec(NOTE, scope)
    ours, note = scope["value_and_gradient"], scope["note"]
    told("emitted Python / the note's lines", ratio(lambda: _calls(ours), lambda: _calls(note)))


def _calls(function: Callable[..., object]) -> None:
    for _ in range(10_000):
        function(3.0, -4.0)


# -- C ------------------------------------------------------------------------------------

Gate = tuple[str, int, int]


def random_program(size: int, seed: int = 1) -> tuple[str, list[Gate]]:
    """A program of `size` gates over ten inputs, as text and as gates with the places of their operands."""
    source = random.Random(seed)
    gates: list[Gate] = []
    lines = []
    for number in range(size):
        low, high = max(0, number - 20), number + 10
        a, b = source.randrange(low, high), source.randrange(low, high)
        operation = source.choice(["+", "-", "*", "sin", "exp", "sigmoid", "max", "square", "/"])
        gates.append((operation, a, b))
        lines.append(f"t{number} = {_written(operation, _name(a), _name(b))}")
    return "\n".join([*lines, f"f = t{size - 1}"]), gates


def _name(place: int) -> str:
    return f"x{place}" if place < 10 else f"t{place - 10}"


def _written(operation: str, a: str, b: str) -> str:
    named = {"sin": f"sin({a})", "exp": f"exp(-{a}**2)", "sigmoid": f"sigmoid({a})", "square": f"sin({a})**2"}
    named |= {"max": f"max({a}, {b})", "/": f"{a}/(2 + sin({b}))", "*": f"{a}*sin({b})"}
    return named.get(operation, f"{a} {operation} {b}")


HAND = {
    "+": ("{a} + {b}", ["{da} += {d};", "{db} += {d};"]),
    "-": ("{a} - {b}", ["{da} += {d};", "{db} -= {d};"]),
    "sin": ("sin({a})", ["{da} += cos({a}) * {d};"]),
    "sigmoid": ("1.0 / (1.0 + exp(-{a}))", ["{da} += (1.0 - {v}) * {v} * {d};"]),
    "max": ("{a} >= {b} ? {a} : {b}", ["{da} += {a} >= {b} ? {d} : 0.0;", "{db} += {a} >= {b} ? 0.0 : {d};"]),
    "exp": ("exp(-{a} * {a})", ["{da} += -2.0 * {a} * {v} * {d};"]),
}
BY_PARTS = {
    "*": ("double s{n} = sin({b});", "{a} * s{n}", ["{da} += s{n} * {d};", "{db} += cos({b}) * {a} * {d};"]),
    "square": ("double s{n} = sin({a});", "s{n} * s{n}", ["{da} += cos({a}) * 2.0 * s{n} * {d};"]),
    "/": (
        "double q{n} = 2.0 + sin({b});",
        "{a} / q{n}",
        ["double r{n} = {d} / q{n};", "{da} += r{n};", "{db} += -r{n} * {v} * cos({b});"],
    ),
}


def by_hand(gates: list[Gate]) -> str:
    """Staged C as a person writes it: each value once, each gradient first assigned, then added to."""
    forward: list[str] = []
    flows: list[list[str]] = []
    for number, (operation, a, b) in enumerate(gates):
        before, value, sent = BY_PARTS.get(operation) or ("", *HAND[operation])
        names = {"a": _name(a), "b": _name(b), "da": f"d{_name(a)}", "db": f"d{_name(b)}", "n": number}
        names |= {"v": f"t{number}", "d": f"dt{number}"}
        forward += [line.format(**names) for line in (before, f"double t{number} = {value};") if line]
        flows.append([line.format(**names) for line in sent])
    inputs = [f"x{place}" for place in range(10)]
    head = f"double hand({', '.join(f'double {x}' for x in inputs)}, {', '.join(f'double *o{x}' for x in inputs)})"
    made = {f"dt{len(gates) - 1}"}
    backward = [
        line
        for number in reversed(range(len(gates)))
        if f"dt{number}" in made
        for line in _assigned(flows[number], made)
    ]
    result = [f"*o{x} = {f'd{x}' if f'd{x}' in made else '0.0'};" for x in inputs] + [f"return t{len(gates) - 1};"]
    return "\n".join([head + " {", *forward, f"double dt{len(gates) - 1} = 1.0;", *backward, *result, "}"])


def _assigned(lines: list[str], made: set[str]) -> list[str]:
    """The same lines, where the first to a gradient makes it."""
    found = []
    for line in lines:
        name, sign, value = line.partition(" ")[0], line.split(" ")[1], line.split(" ", 2)[2]
        if sign in ("+=", "-=") and name not in made:
            line = f"double {name} = {'-' if sign == '-=' else ''}{value}"
            made.add(name)
        found.append(line)
    return found


HAND_NOTE = """
double hand(double x, double y, double *ox, double *oy)
{
    double sigy = 1.0 / (1.0 + exp(-y));
    double num = x + sigy;
    double sigx = 1.0 / (1.0 + exp(-x));
    double xpy = x + y;
    double xpysqr = xpy * xpy;
    double den = sigx + xpysqr;
    double invden = 1.0 / den;
    double f = num * invden;
    double dnum = invden;
    double dinvden = num;
    double dden = (-1.0 / (den * den)) * dinvden;
    double dsigx = dden;
    double dxpysqr = dden;
    double dxpy = (2.0 * xpy) * dxpysqr;
    double dx = dxpy;
    double dy = dxpy;
    dx += ((1.0 - sigx) * sigx) * dsigx;
    dx += dnum;
    double dsigy = dnum;
    dy += ((1.0 - sigy) * sigy) * dsigy;
    *ox = dx;
    *oy = dy;
    return f;
}
"""


def c_speed(label: str, text: str, hand: str, inputs: int, calls: int, apart: str = "") -> None:
    """What c_ratio finds, told."""
    told(label, c_ratio(label, text, hand, inputs, calls, apart))


def note_in_c() -> None:
    """The note's function in C: median and quartiles of the medians of LAYOUTS processes.

    A call takes some 12 ns, and where code and stack happen to lie makes up to two hundredths of that.
    """
    found = []
    for layout in range(LAYOUTS):
        environment = {**os.environ, "PADDING": "x" * random.Random(layout).randrange(4096)}  # moves the stack
        command = [sys.executable, __file__, "layout", str(layout)]
        found.append(float(subprocess.run(command, env=environment, check=True, capture_output=True).stdout))
    low, middle, high = statistics.quantiles(found, n=4)
    told(f"emitted C / staged by hand: the note's function, {LAYOUTS} processes", (middle, low, high))


def one_layout(layout: int) -> None:
    """The two functions in either order, moved by some bytes."""
    skipped = f'void gap(void) {{ __asm__ volatile(".skip {random.Random(layout).randrange(1, 64)}, 0x90"); }}\n'
    print(c_ratio("the note's function", SIXTH, HAND_NOTE, 2, 20_000, gap=skipped, turned=layout % 2 == 1)[0])


def c_ratio(
    label: str, text: str, hand: str, inputs: int, calls: int, apart: str = "", gap: str = "", turned: bool = False
) -> tuple[float, float, float]:
    """Both in one library, called from a loop in C.

    hand: C that defines `hand`, with the inputs and the places of their gradients; apart: C++ that it calls.
    gap: what stands between the two; turned: the version by hand first.
    """
    ours = generate(stage(text), "c", Options())
    names = [f"at[{place}]" for place in range(inputs)]
    gradients = ", ".join(f"&out[{place}]" for place in range(inputs))
    order = re.search(r"value_and_gradient\(([^*]*?), double \*", ours)
    assert order is not None
    places = [int(found) for found in re.findall(r"double x(\d+)", order[1])] or list(range(inputs))
    ordered = ", ".join(names[place] for place in places), ", ".join(f"&out[{place}]" for place in places)
    loops = "".join(
        f"\ndouble {loop}(long n, double *at, double *out) {{ double sum = 0.0; for (long i = 0; i < n; i++) "
        f"{{ at[0] += 1e-12; sum += {call}; }} return sum; }}"
        for loop, call in (
            ("run_ours", f"value_and_gradient({ordered[0]}, {ordered[1]})"),
            ("run_hand", f"hand({', '.join(names)}, {gradients})"),
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "code.c", Path(folder) / "code.so"
        parts = ["#include <math.h>\n", hand, gap, ours] if turned else [ours, gap, hand]
        source.write_text("".join([*parts, loops]))
        flags, objects = ["-O3", "-march=native", "-fPIC"], []
        if apart:
            objects = [str(Path(folder) / "apart.o")]
            source.with_suffix(".cc").write_text(apart)
            subprocess.run(["c++", *flags, "-c", str(source.with_suffix(".cc")), "-o", *objects], check=True)
        command = ["cc", "-std=c99", *flags, "-shared", str(source), *objects, "-o", str(library), "-lm"]
        subprocess.run(command, check=True)
        loaded = ctypes.CDLL(str(library))
    at = (ctypes.c_double * inputs)(*[0.3 + 0.1 * place for place in range(inputs)])
    outs = [(ctypes.c_double * inputs)() for _ in range(2)]
    for out, name in zip(outs, ("run_ours", "run_hand"), strict=True):
        loaded[name].restype = ctypes.c_double
        loaded[name](ctypes.c_long(1), at, out)
    assert all(math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-9) for one, other in zip(*outs, strict=True)), label
    n = ctypes.c_long(calls)
    return ratio(lambda: loaded.run_ours(n, at, outs[0]), lambda: loaded.run_hand(n, at, outs[1]))


# -- size ---------------------------------------------------------------------------------

OPERATION = re.compile(r"(?<![eE(=,?:<>*/+-])\s[-+*/]\s|\*\*|[<>=!]=|\s[<>]\s|\w+\(|(?<=[ (])-(?=\w)")


def operations(line: str) -> int:
    """Operators, calls and comparisons in the value of a line, and one for a +=."""
    name, sign, value = line.partition("= ")
    return len(OPERATION.findall(" " + value.split("  #")[0])) + name.endswith("+") if sign else 0


def cost_over_corpus() -> None:
    """Operations of forward and backward together, for each operation of the forward pass."""
    forward = whole = 0
    for line in (ROOT / "tests" / "data" / "corpus.jsonl").read_text(encoding="utf-8").splitlines():
        lines = generate(stage(json.loads(line)["expr"]), "python", Options(form="lines")).splitlines()
        first = next((place for place, line in enumerate(lines) if line.startswith("# backprop")), len(lines))
        counts = [0 if line.startswith("#") else operations(line) for line in lines]
        forward += sum(counts[:first])
        whole += sum(counts)
    print(f"{'forward and backward / forward, operations, over the corpus':58} {whole / forward:.2f}")


def product_of_200() -> None:
    lines = generate(stage("*".join(f"x{place}" for place in range(200))), "python", Options(form="lines")).splitlines()
    print(f"{'lines for a product of 200 variables':58} {sum(not line.startswith('#') for line in lines)}")


def generation_speed() -> None:
    """The garbage collector is off, as it is on the command line."""
    gc.disable()
    for size in (300, 2000, 20_000):
        text, _ = random_program(size)
        taken = min(_timed(lambda text=text: generate(stage(text), "c", Options()) and None) for _ in range(7))
        print(f"{f'generating C for {size} gates, microseconds a gate':58} {1e6 * taken / size:.1f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["layout"]:
        one_layout(int(sys.argv[2]))
        raise SystemExit
    python_speed()
    note_in_c()
    for size, calls in ((300, 1000), (2000, 100)):
        text, gates = random_program(size)
        c_speed(f"emitted C / staged by hand: {size} gates", text, by_hand(gates), 10, calls)
    cost_over_corpus()
    product_of_200()
    generation_speed()
