"""What it costs to start: instructions, or CPU time where valgrind is not installed."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measure import table

ROOT = Path(__file__).parent.parent.parent
PEERS = ("numpy", "sympy", "casadi", "autograd", "torch", "jax")


def report(rounds: int) -> None:
    """Print the table."""
    with installed() as (python, script):
        commands = {
            "python -c pass": [python, "-c", "pass"],
            "import click": [python, "-c", "import click"],
            'gradcli eval "x*y" --at x=3,y=-4': [python, script, "eval", "x*y", "--at", "x=3,y=-4"],
            "gradcli --help": [python, script, "--help"],
        }
        cost = _instructions if shutil.which("valgrind") else _seconds
        costs = {name: cost(command, rounds) for name, command in commands.items()}
        bare, click = list(costs.values())[:2]
        rows = [(name, f"{own / bare:.2f}", f"{own / click:.3f}") for name, own in costs.items()]
        what = "instructions" if cost is _instructions else "CPU time"
        table(f"Start, {what}", ("process", "bare Python = 1", "import click = 1"), rows)
        seconds = {name: _seconds(command, rounds) for name, command in commands.items()}
    for peer in PEERS:
        command = [sys.executable, "-c", f"import {peer}"]
        if subprocess.run(command, capture_output=True).returncode == 0:
            seconds[f"import {peer}"] = _seconds(command, rounds)
    rows = [(name, f"{own / seconds['python -c pass']:.1f}") for name, own in seconds.items()]
    table("Start beside the peers, CPU time", ("process", "bare Python = 1"), rows)


@contextmanager
def installed() -> Iterator[tuple[str, str]]:
    """The Python and the gradcli of a fresh virtual environment, installed as a user would, bytecode compiled."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = f"{folder}/bin/python"
        subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", str(ROOT), "click"], check=True)
        yield python, f"{folder}/bin/gradcli"


def _instructions(command: list[str], rounds: int) -> float:
    counted = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    done = _run(counted)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found is not None, done.stderr
    return float(found[1])


def _seconds(command: list[str], rounds: int) -> float:
    """CPU time of a process, the least of some rounds."""
    times = []
    for _ in range(max(5, rounds)):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _run(command)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        times.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(times)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(
        command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment, cwd="/"
    )
