"""What `--check sympy` costs: CPU time of the whole process against that of `import sympy`, run in turn.

python tests/benchmarks/checks.py [rounds]
"""

import os
import statistics
import subprocess
import sys

NOTE = ["(x + sigmoid(y)) / (sigmoid(x) + (x + y)**2)", "--at", "x=3,y=-4"]
SYMPY = [sys.executable, "-c", "import sympy"]
CHECKED = [sys.executable, "-m", "gradcli", "eval", *NOTE, "--check", "sympy"]


def cpu(command: list[str]) -> float:
    """Seconds of CPU time, user and system, of one process."""
    before = os.times()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main(rounds: int) -> None:
    for command in (SYMPY, CHECKED):
        cpu(command)
    ratios = sorted(1 / cpu(SYMPY) * cpu(CHECKED) for _ in range(rounds))
    low, high = ratios[rounds // 4], ratios[-1 - rounds // 4]
    print(f"eval --check sympy / import sympy: {statistics.median(ratios):.2f} (quartiles {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 21)
