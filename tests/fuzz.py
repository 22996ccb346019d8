"""Untrusted input by the million: python tests/fuzz.py --inputs 1000000 --seed 1

Texts of programs, points and whole argument lists are drawn, in this process and a few in processes
of their own. Whatever is given, gradcli ends in a result or in a GradError: anything else, five
seconds without an end, a control character in a message, a span outside its text or a staged program
that does not read back is a failure, printed with the shortest input that shows it.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from math import inf, nan
from pathlib import Path
from typing import Any, NamedTuple

from gradcli.array_gates import ARRAY_ROWS
from gradcli.backward import TIES
from gradcli.calculate import calculated, over_arrays
from gradcli.cli import main as command_line
from gradcli.cli.diagnostics import rendered
from gradcli.errors import GradError
from gradcli.evaluate import evaluate
from gradcli.findings import findings
from gradcli.gates import GATES, parameters
from gradcli.naming import names_of
from gradcli.point import Point, bind, read_point
from gradcli.printer import text_of
from gradcli.program import Program
from gradcli.staging import stage

ROOT = Path(__file__).parent.parent
SECONDS = 5
STATUSES = (0, 1, 2)


def words(text: str) -> list[str]:
    """The words of a text, between single spaces."""
    return text.split(" ")


NUMBERS = words("0 1 2 3 -1 0.5 .5 5. 1e3 1e400 1e-400 1_000 1__0 1e 0x1f 012 00 1.2.3 1j 1e+ 1/2 -0.0")
NUMBERS.append("9" * 400)
NAMES = words(
    "x y z f dx d w w[0] w[1] W[0,1] W[0][1] w[-1] w[i] w[1.5] pi e π θ Δx _ __ inf nan E I lambda if dfdx xy"
)
SIGNS = [*"+-*/^@<>=!·×÷−√²³()[]{},;:#.|&%?~$\\'\"`_\n\t\r ", "**", "//", "==", "<=", "!=", "->", "\r\n"]
ODD = [*"\0\a\b\x1b\x7f\x85\xa0\u200b\u202e\u2028\ufeff\ud800\udc80\uffffé½٣²ｘ𝑥😀"]
ODD += ["x\u0301", "\x1b[31m", "\x1b]0;t\a", "[/b]", ":smile:", "%s", "{x}"]
CALLS = [name for gate in GATES.values() for name in (gate.name, *gate.aliases)]
CALLS += [gate.form.partition("(")[0] for gate in ARRAY_ROWS if re.match(r"\w\w+\(", gate.form)]
CALLS += ["tr", "np.sum", "x.dot", "y.sum", "x.T.reshape", "np.linalg.norm", "arange"]
CALLS += ["np.exp", "math.sin", "numpy.max", "os.system", "__import__", "Max", "ReLU"]
ARRAY_FORMS = words(
    "(a)@(b) a.T (a).T sum(a) sum(a,axis=0) sum(a,axis=1,keepdims=True) mean(a,0) max(a) np.max(a,axis=-1) min(a) "
    "prod(a,axis=0) var(a) std(a,axis=0) norm(a) softmax(a) log_softmax(a,axis=0) logsumexp(a,axis=-1) cumsum(a) "
    "trace(a) det(a) inv(a) solve(a,b) outer(a,b) reshape(a,(2,-1)) a.reshape(-1) transpose(a) (a)[0] (a)[:,0] "
    "(a)[1:] (a)[-1] (a)[::-1] (a)[b] (a)[arange(2),b] concatenate([a,b]) stack([a,b],axis=1) [a,b] [a] a.shape[0] "
    "a.shape arange(a.shape[0]) a.dot(b) (a)[0,1] a.sum() np.sum(a,(0,1)) concatenate((a,b),axis=1)"
)
VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -4.0, 1e300, -1e300, 5e-324, 710.0, inf, -inf, nan)
OPTIONS = words(
    "--at --ties --wrt --no-fuse --format --json --only --strict -o -f -h --help --version -- - -x -1 --a --at="
)
WORDS = words("first split both table json tsv f dx dw[0] x,y x,x , out.txt . missing.json point.json program.grad")
REPEATED = (
    ("(", ")"), ("-", ""), ("√", ""), ("+", ""), ("x**", ""), ("x^-", ""), ("sin(", ")"), ("max(x,", ")"), ("x²", ""),
    ("1/(1+exp(-", "))"), ("1/(", "+1)"), ("where(x>", ",1,y)"), ("x-(", ")"), ("x*(", "*y)"), ("2*(", ")"), ("[", "]"),
    ("w[0]", ""), ("a=", ""), ("x;", ""), ("x\n", ""), ("x.", ""), ("max(", ",x)"), ("(((", ")"), ("x+", ""),
)  # fmt: skip


def corpus() -> list[str]:
    """Texts that mean something: the samples, the tests' data and the formulas of the table."""
    files = [*ROOT.glob("samples/**/*.*"), *ROOT.glob("tests/data/**/*.*"), ROOT / "README.md"]
    texts = [file.read_text("utf-8")[:3000] for file in files]
    quoted = [found for text in texts for found in re.findall(r'"([^"\n]{3,})"', text)]
    rules = [rule for gate in GATES.values() for rule in (gate.form, gate.means, gate.stable, *gate.partials.values())]
    return [text for text in (*texts, *quoted, *rules) if text]


# -- texts --------------------------------------------------------------------------------


def drawn_text(draw: random.Random, known: list[str]) -> str:
    """Any text, most of it short and close to the language."""
    kind = draw.random()
    if kind < 0.10:
        return _bytes(draw)
    if kind < 0.40:
        return _soup(draw)
    if kind < 0.65:
        return _program(draw)
    if kind < 0.97:
        text = draw.choice(known) if kind < 0.85 else _program(draw)
        return _mutated(draw, text)
    return _nested(draw)


def _bytes(draw: random.Random) -> str:
    data = draw.randbytes(draw.randrange(40))
    return data.decode(draw.choice(("utf-8", "latin-1", "ascii", "utf-16-le")), draw.choice(("replace", "ignore")))


def _token(draw: random.Random) -> str:
    kind = draw.random()
    if kind < 0.02:
        return chr(draw.randrange(draw.choice((128, 0x3000, 0x110000))))
    if kind < 0.04:
        return draw.choice(ODD)
    if kind < 0.40:
        return draw.choice(SIGNS)
    if kind < 0.55:
        return draw.choice(CALLS) + "("
    return draw.choice(NUMBERS if kind < 0.7 else NAMES)


def _soup(draw: random.Random) -> str:
    return draw.choice(("", " ", "")).join(_token(draw) for _ in range(draw.randrange(1, 25)))


def _program(draw: random.Random) -> str:
    """A program of the language, or nearly: its gates have the right number of operands."""
    lines = [f"{draw.choice(NAMES[:3])}{number} = {_expression(draw, 3)}" for number in range(draw.randrange(3))]
    return draw.choice(("\n", "; ", "  # note\n")).join([*lines, _expression(draw, draw.randrange(5))])


def _expression(draw: random.Random, depth: int) -> str:
    if depth == 0 or draw.random() < 0.15:
        return draw.choice(words("x y z x0 y1 w[0] w[1] x.T x[1:] y[:,0] pi 2 0 1 0.5 1e3"))
    if draw.random() < 0.2:
        form = draw.choice(ARRAY_FORMS)
        return re.sub(r"\b[aAbBx]\b", lambda letter: _expression(draw, depth - 1), form)
    gate = draw.choice(list(GATES.values()))
    operands = [_expression(draw, depth - 1) for _ in parameters(gate)]
    if gate.form.endswith("...)"):
        operands += [_expression(draw, depth - 1) for _ in range(draw.randrange(3))]
    if gate.form.startswith(gate.name + "("):
        return f"{gate.name}({', '.join(operands)})"
    if len(operands) == 2:
        return f"({operands[0]}) {gate.form.split()[1]} ({operands[1]})"
    return f"-({operands[0]})"


def _mutated(draw: random.Random, text: str) -> str:
    """A text with pieces taken out, doubled, moved or replaced."""
    for _ in range(draw.randrange(1, 4)):
        start = draw.randrange(len(text) + 1)
        end = min(len(text), start + draw.randrange(12))
        place = draw.randrange(len(text) + 1)
        new = draw.choice(("", _token(draw), text[start:end] * 2, text[place : place + 8]))
        text = text[:start] + new + text[end:]
    return text


def _nested(draw: random.Random) -> str:
    """The same piece many times over, with or without its end."""
    piece, end = draw.choice((*REPEATED, (_token(draw), "")))
    times = draw.choice((10, 100, 1000, 3000))
    closed = draw.choice((times, times, times - 1, 0))
    return piece * times + draw.choice(("x", "x", "1", "")) + end * closed


# -- points and argument lists --------------------------------------------------------------


def drawn_point(draw: random.Random, known: list[str]) -> str:
    """What may follow --at."""
    items = []
    for _ in range(draw.choice((0, 1, 1, 2, 2, 3))):
        value = draw.choice((repr(draw.choice(VALUES)), draw.choice(NUMBERS), "[1, 2]", "[[1,2],[3,4]]", "@point.json"))
        value = _soup(draw) if draw.random() < 0.1 else value
        items.append(draw.choice(NAMES) + draw.choice(("=",) * 8 + (" = ", ":", "==", "")) + value)
    text = ",".join(items)
    return _mutated(draw, text) if draw.random() < 0.3 else text


def drawn_arguments(draw: random.Random, known: list[str]) -> list[str]:
    """A command line without the command's own name; what it writes goes to the current directory."""
    text = draw.choice(("x*y + z", "max(x, y)", "w[0]*x", drawn_text(draw, known)))
    arguments = [draw.choice(("eval",) * 12 + ("gates", "evil", "", _token(draw))), text]
    fitting = [f"{name}={draw.choice(VALUES)!r}" for name in "xyz"]
    for _ in range(draw.randrange(5)):
        option = draw.choice(OPTIONS)
        arguments.append(option)
        if option in ("--at", "--at="):
            arguments.append(draw.choice((drawn_point(draw, known), ",".join(fitting), ",".join(fitting[:2]))))
        elif draw.random() < 0.7:
            arguments.append(draw.choice((draw.choice(WORDS), draw.choice(NAMES), _token(draw))))
    if draw.random() < 0.2:
        draw.shuffle(arguments)
    if "-o" in arguments:
        arguments = [argument.replace("/", "_") for argument in arguments]
    return arguments


# -- checks -------------------------------------------------------------------------------


class Failure(Exception):
    """A promise that an input broke."""


def check_text(text: str) -> None:
    """Stage, name, print, evaluate and look at a text."""
    try:
        program = stage(text, fuse=len(text) % 3 > 0)
    except GradError as error:
        _check_error(error, text)
        return
    draw = random.Random(len(text))
    if program.graph.arrays:
        check_arrays(program, draw)
        return
    leaves = {leaf: draw.choice(VALUES) for leaf in program.inputs}
    ties = draw.choice(list(TIES))
    evaluation = evaluate(program, leaves, ties)
    for leaf in program.inputs:
        _expect(isinstance(evaluation.gradient(leaf), float), "a gradient is a float")
    for finding in findings(evaluation, ties):
        _check_error(GradError(finding.message, finding.span), text)
    names = names_of(program)
    if len(text) % 4 == 0:
        lines = [f"{names.of[line]} = {text_of(line, names.of.get)}" for line in program.lines]
        _expect(len(set(names.of.values())) == len(names.of), "names are unique")
        again = stage("\n".join(lines))
        _expect(set(again.variables) <= set(program.variables), "no name is new")


def check_arrays(program: Program, draw: random.Random) -> None:
    """Evaluate a program over arrays at values of random shapes, and look at it."""
    ties = draw.choice(list(TIES))
    shapes: list[Any] = [
        1.5,
        [1.0, -2.0],
        [[1.0, 2.0], [3.0, 4.0]],
        [[0.5], [0.0]],
        [[[1.0, 2.0]]],
        [0.0, 1.0, 1.0],
        [],
    ]
    for _ in range(4):
        values = {name: draw.choice(shapes) for name in program.variables}
        try:
            evaluation = calculated(program, Point(values, frozenset()), ties).evaluation
        except GradError as error:
            _check_error(error, program.text)
            continue
        for finding in findings(evaluation, ties):
            _check_error(GradError(finding.message, finding.span), program.text)
        names = names_of(evaluation.program)
        lines = [f"{names.of[line]} = {text_of(line, names.of.get)}" for line in evaluation.program.lines]
        _expect(len(set(names.of.values())) == len(names.of), "names are unique")
        lines.append(names.of[evaluation.program.output])  # equal statements are one line, which may stand earlier
        way = over_arrays if evaluation.program.shapes else calculated  # the functions of NumPy, or those of math
        again = way(stage("\n".join(lines)), Point(values, frozenset(values))).evaluation
        _expect(
            str(again.value(again.program.output)) == str(evaluation.value(evaluation.program.output)), "reads back"
        )


def check_point(text: str) -> None:
    """Read a point and bind it to a program."""
    program = stage("x + y*w[0] + w[1]")
    try:
        leaves, _ = bind(program, read_point((text,)))
    except GradError as error:
        _check_error(error, program.text)
        return
    _expect(all(isinstance(value, float) for value in leaves.values()), "a value is a float")


def check_arguments(arguments: list[str]) -> None:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    before = sys.argv, sys.stdin
    sys.argv = ["gradcli", *arguments]
    sys.stdin = io.TextIOWrapper(io.BytesIO(b"x*y"))
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command_line._status()
    finally:
        sys.argv, sys.stdin = before
    _check_end(arguments, status, out.getvalue(), err.getvalue())


def check_process(arguments: list[str]) -> None:
    """Run a command line in a process of its own."""
    plain = [argument.replace("\0", "").encode("utf-8", "surrogateescape" if _passes(argument) else "replace")
             for argument in arguments]  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-m", "gradcli", *plain], input=b"x*y", capture_output=True, timeout=4 * SECONDS
    )
    out, err = result.stdout.decode("utf-8"), result.stderr.decode("utf-8")
    _check_end(arguments, result.returncode, out, err)


def _passes(argument: str) -> bool:
    """Whether an argument can be handed to a process as it is."""
    with contextlib.suppress(UnicodeEncodeError):
        return bool(argument.encode("utf-8", "surrogateescape")) or True
    return False


def _check_end(arguments: list[str], status: int, out: str, err: str) -> None:
    _expect(status in STATUSES, f"the status is {status}")
    _expect("Traceback" not in err, "no traceback is printed")
    _expect_plain(err)
    if status == 2:
        _expect(out == "" and err != "", "a mistake is said on standard error only")
    elif "--json" in arguments and out.startswith("{"):
        json.loads(out, parse_constant=lambda word: _expect(False, f"{word} is no JSON"))


def _check_error(error: GradError, text: str) -> None:
    error.inside(text)
    if error.span is not None:
        start, end = error.span
        size = len(error.source or "")
        _expect(0 <= start <= end <= size, f"the span {start}:{end} lies in a text of {size} characters")
    _expect_plain(rendered(error))


def _expect_plain(message: str) -> None:
    lines = message.split("\n")
    _expect(all(line.isprintable() for line in lines), f"a message has no control characters: {message[:200]!r}")


def _expect(true: bool, promise: str) -> None:
    if not true:
        raise Failure(promise)


# -- runs ---------------------------------------------------------------------------------


class Kind(NamedTuple):
    """One kind of input: how many in a thousand, how it is drawn, what is checked."""

    share: int
    drawn: Callable[[random.Random, list[str]], Any]
    check: Callable[[Any], None]


KINDS = {
    "text": Kind(800, drawn_text, check_text),
    "point": Kind(100, drawn_point, check_point),
    "arguments": Kind(100, drawn_arguments, check_arguments),
}
PROCESS = Kind(0, drawn_arguments, check_process)


def cases(seed: int, numbers: Iterable[int], processes: int = 0) -> Iterator[tuple[Kind, Any]]:
    """The inputs of a run; each depends on the seed and its number only. Every `processes`-th gets a process."""
    known = corpus()
    for number in numbers:
        draw = random.Random(f"{seed}:{number}")
        if processes and number % processes == 0:
            kind = PROCESS
        else:
            (kind,) = draw.choices(list(KINDS.values()), [kind.share for kind in KINDS.values()])
        yield kind, kind.drawn(draw, known)


def failure(check: Callable[[Any], None], given: Any) -> str:
    """What is wrong with an input: nothing, or a traceback."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS * (6 if check is check_process else 1))
    try:
        check(given)
    except Exception:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


def shortest(check: Callable[[Any], None], given: Any) -> Any:
    """A shorter input that fails in the same place."""
    wanted = _place(failure(check, given))
    size, budget = max(1, len(given) // 2), time.monotonic() + 20
    while size and time.monotonic() < budget:
        for start in range(0, len(given), size):
            shorter = given[:start] + given[start + size :]
            if _place(failure(check, shorter)) == wanted:
                given = shorter
                break
        else:
            size //= 2
    return given


def _place(trace: str) -> str:
    """The line of code that a traceback ends in, and the kind of exception."""
    lines = [line for line in trace.splitlines() if line]
    places = [line for line in lines if line.startswith("  File ") and "importlib" not in line]
    return f"{places[-1].strip()}: {lines[-1].partition(':')[0]}" if places else ""


def _hangs(*_: object) -> None:
    raise Failure(f"there is no end after {SECONDS} seconds")


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """In an empty directory, with a point and a program to read, and an alarm for what does not end."""
    before, handler = Path.cwd(), signal.signal(signal.SIGALRM, _hangs)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        Path("point.json").write_text('{"x": 3, "y": [1, 2], "w": [1, NaN]}')
        Path("program.grad").write_text("q = x + y\nf = q * z\n")
        try:
            yield
        finally:
            os.chdir(before)
            signal.signal(signal.SIGALRM, handler)


def main() -> None:
    """Draw and check; status 1 if anything failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument(
        "--processes", type=int, default=2000, help="one input in so many gets its own process; 0: none"
    )
    options = parser.parse_args()
    faulthandler.enable()
    seen: dict[str, int] = {}
    slowest, began = (0.0, ""), time.monotonic()
    with watched():
        drawn = cases(options.seed, range(options.first, options.first + options.inputs), options.processes)
        for count, (kind, given) in enumerate(drawn, 1):
            start = time.perf_counter()
            wrong = failure(kind.check, given)
            slowest = max(slowest, (time.perf_counter() - start, repr(given)[:100]))
            if wrong:
                place = _place(wrong)
                seen[place] = seen.get(place, 0) + 1
                if seen[place] == 1:
                    print(f"\n== {kind.check.__name__}({shortest(kind.check, given)!r})\n{wrong}", flush=True)
            if count % 50_000 == 0:
                print(f"{count} inputs, {time.monotonic() - began:.0f} s, slowest {slowest}", flush=True)
    print(f"seed {options.seed}: {options.inputs} inputs, {sum(seen.values())} failures in {len(seen)} places")
    for place, times in seen.items():
        print(f"{times:8} {place}")
    sys.exit(bool(seen))


if __name__ == "__main__":
    main()
