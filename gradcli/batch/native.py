"""The kernel in C: the lines of the C target in a loop over rows, compiled by the system's compiler.

The text holds nothing that a user wrote but names that were checked and numbers that were parsed. Where the platform
has vector functions (glibc on x86-64), exp and the like are declared as such, and the loop works on several rows at a
time; their results are within 4 units in the last place. -ffast-math is not used: nan and infinity keep their meaning.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from stat import S_IMODE
from tempfile import TemporaryDirectory

import numpy as np

from gradcli.batch.table import Array
from gradcli.codegen import target_called
from gradcli.codegen.code import Code, coded
from gradcli.codegen.lines import Writer
from gradcli.errors import UsageMistake
from gradcli.gates import GATES
from gradcli.graph import Input
from gradcli.naming import Names
from gradcli.program import Program, base_of

FLAGS = ["-std=gnu11", "-O3", "-march=native", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math"]
OUTPUT = ["-shared", "-fPIC", "-w"]
COMPILERS = ("cc", "gcc", "clang")
PATIENCE = 300  # seconds for the compiler
VECTORS = (  # of one operand: those of old, and those since glibc 2.35
    "exp log sin cos",
    "acos acosh asin asinh atan atanh cbrt cosh erf erfc expm1 log10 log1p log2 sinh tan tanh",
)
HEADER = f"""
#include <math.h>
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define VECTOR(name) __attribute__((simd("notinbranch"))) double name(double);
{" ".join(f"VECTOR({name})" for name in VECTORS[0].split())}
__attribute__((simd("notinbranch"))) double pow(double, double);
#if __GLIBC_PREREQ(2, 35)
{" ".join(f"VECTOR({name})" for name in VECTORS[1].split())}
#endif
#endif
"""


def kernel(
    program: Program, names: Names, ties: str, wrt: Sequence[str] | None, only: Sequence[str] | None
) -> Callable[[Mapping[str, Array]], dict[str, Array]]:
    """The function that computes rows, as batch.kernel says. Raises UsageMistake where there is no compiler."""
    target = target_called("c")._replace(quick=False)
    own = [name for name in GATES if name not in target.dialect.forms]
    code = coded(program, target, "plain", ties, wrt, {}, [*own, "rows", "n", "row", "VECTOR"])
    results = {name: text for name, text in _results(code, names) if only is None or name in only}
    inputs = [str(leaf.static) for leaf in program.inputs]
    loop = _loop(_source(code, list(results.values())))

    def run(given: Mapping[str, Array]) -> dict[str, Array]:
        rows = len(next(iter(given.values()))) if inputs else 1
        arrays = [np.ascontiguousarray(given[name], np.float64) for name in inputs]
        found = {name: np.empty(rows) for name in results}
        pointers = (ctypes.c_void_p * (len(arrays) + len(found)))(
            *(each.ctypes.data for each in [*arrays, *found.values()])
        )
        loop(ctypes.c_long(rows), pointers)
        return found if inputs else {name: numbers[0] for name, numbers in found.items()}

    return run


# -- the text -----------------------------------------------------------------------------


def _source(code: Code, results: Sequence[str]) -> str:
    """A function of the number of rows and of the arrays, those of the inputs first."""
    writer = Writer(code)
    body = [*_inputs(code), *writer.forward(), *_made(code), *writer.backward()]
    functions = [line for function in writer.functions() for line in function]
    count = len(code.program.inputs)
    ins = [f"const double *restrict in{place}" for place in range(count)]
    outs = [f"double *restrict out{place}" for place in range(len(results))]
    passed = ", ".join(f"all[{place}]" for place in range(count + len(results)))
    return "\n".join([
        HEADER, *functions,
        f"static void block({', '.join(['long n', *ins, *outs])})", "{", "for (long row = 0; row < n; row++) {",
        *body, *(f"out{place}[row] = {text};" for place, text in enumerate(results)), "}", "}",
        "void rows(long n, double **all)", "{", f"block(n{', ' if passed else ''}{passed});", "}", "",
    ])  # fmt: skip


def _inputs(code: Code) -> Iterator[str]:
    """The variables of a row."""
    for variable in code.variables:
        if variable.shape:
            yield f"double {variable.spelled}[{int(np.prod(variable.shape))}] = {{0.0}};"
        else:
            place = [str(leaf.static) for leaf in code.program.inputs].index(variable.name)
            yield f"double {variable.spelled} = in{place}[row];"
    for place, leaf in enumerate(code.program.inputs):
        assert isinstance(leaf.static, Input)
        if leaf.static.places:
            yield f"{code.names[leaf]} = in{place}[row];"


def _made(code: Code) -> Iterator[str]:
    for variable in code.wanted:
        if variable.shape:
            yield f"double {variable.gradient}[{int(np.prod(variable.shape))}] = {{0.0}};"


def _results(code: Code, names: Names) -> Iterator[tuple[str, str]]:
    """What is returned: the program's name of a number, and what the text calls it."""
    for _, line in code.stages:
        yield names.of[line], code.names[line]
    wanted = {variable.name: variable for variable in code.wanted}
    for leaf in code.program.inputs:
        variable = wanted.get(base_of(leaf))
        if variable is not None:
            assert isinstance(leaf.static, Input)
            places = leaf.static.places
            name = code.target.element(variable.gradient, places, variable.shape) if places else variable.sum
            yield names.gradient_of(leaf), name


# -- the compiler -------------------------------------------------------------------------


def _loop(source: str) -> Callable[..., None]:
    """The compiled function, out of the cache if it is there."""
    compiler = next((found for name in COMPILERS if (found := shutil.which(name))), None)
    if compiler is None:
        raise UsageMistake("--kernel c needs a C compiler, and there is no cc", hint="--kernel numpy needs none")
    library = "-lmvec" if platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc" else "-lm"
    command = [os.path.realpath(compiler), *FLAGS, *OUTPUT, "-x", "c", "-", library, "-lm"]
    key = sha256("\0".join([source, *command, str(os.stat(command[0]).st_mtime_ns), _processor()]).encode()).hexdigest()
    path = _cache() / f"{key}.so"
    if not path.exists():
        _compile(command, source, path)
    function: Callable[..., None] = ctypes.CDLL(str(path)).rows
    return function


def _processor() -> str:
    """What tells one processor from another, since code is made for the one it is compiled on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() + platform.node()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.node())


def _cache() -> Path:
    """The folder of what was compiled, the user's own and nobody else's. Raises UsageMistake."""
    given = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(given if os.path.isabs(given) else Path.home() / ".cache", "gradcli", "kernels")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = folder.lstat()
    except OSError as error:
        raise UsageMistake(f"--kernel c: {folder} cannot be made: {error.strerror}") from None
    if found.st_uid != os.getuid() or S_IMODE(found.st_mode) & 0o077 or folder.is_symlink():
        raise UsageMistake(
            f"--kernel c: {folder} is open to others", hint="it holds code: chmod 700 makes it yours alone"
        )
    return folder


def _compile(command: list[str], source: str, path: Path) -> None:
    """The source into a file that appears as a whole, readable by its owner alone."""
    with TemporaryDirectory(dir=path.parent) as folder:
        made = Path(folder, "kernel.so")
        try:
            done = subprocess.run(
                [*command, "-o", str(made)], input=source.encode(), capture_output=True, timeout=PATIENCE, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UsageMistake(f"--kernel c: the compiler did not run: {str(error)[:200]}") from None
        if done.returncode:
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise UsageMistake(f"--kernel c: the compiler failed: {reason[0][:200] if reason else done.returncode}")
        made.chmod(0o600)
        made.replace(path)
