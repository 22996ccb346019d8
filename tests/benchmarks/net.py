"""The two-layer net with softmax loss: the step that gradcli writes against the step that the course writes by hand.

Run with one BLAS thread: OPENBLAS_NUM_THREADS=1 python tests/benchmarks/net.py
Both compute loss and gradients in double precision, turn by turn; the figure is the ratio of the medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcli.codegen import generate
from gradcli.codegen.target import Options
from gradcli.declared import declared_shapes
from gradcli.shapes import shaped
from gradcli.staging import stage

NET = """
N = X.shape[0]
h = max(0, X @ W1 + b1)
raised = exp(h @ W2 + b2)
probs = raised / sum(raised, axis=1, keepdims=True)
loss = sum(-log(probs[arange(N), y])) / N + 0.5*reg*sum(W1**2) + 0.5*reg*sum(W2**2)
"""
SIZES = {"large": (256, 784, 256, 10, 60), "small": (300, 2, 100, 3, 400)}
LEARNT = ["W1", "b1", "W2", "b2"]


def by_hand(X: Any, W1: Any, b1: Any, W2: Any, b2: Any, y: Any, reg: float) -> tuple[Any, dict[str, Any]]:  # noqa: N803
    """The course's step: the gradient of the scores is made in the memory of the probabilities."""
    count = X.shape[0]
    hidden = np.maximum(0, np.dot(X, W1) + b1)
    scores = np.dot(hidden, W2) + b2
    raised = np.exp(scores)
    probs = raised / np.sum(raised, axis=1, keepdims=True)
    loss = np.sum(-np.log(probs[range(count), y])) / count
    loss += 0.5 * reg * np.sum(W1 * W1) + 0.5 * reg * np.sum(W2 * W2)
    dscores = probs
    dscores[range(count), y] -= 1
    dscores /= count
    dW2 = np.dot(hidden.T, dscores) + reg * W2  # noqa: N806
    db2 = np.sum(dscores, axis=0)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden <= 0] = 0
    dW1 = np.dot(X.T, dhidden) + reg * W1  # noqa: N806
    return loss, {"W1": dW1, "b1": np.sum(dhidden, axis=0), "W2": dW2, "b2": db2}


def written(inplace: bool) -> Callable[..., tuple[Any, dict[str, Any]]]:
    """The step that gradcli writes."""
    program = stage(NET)
    shapes = declared_shapes(program, ("X=NxD,W1=DxH,b1=H,W2=HxK,b2=K,y=N",))
    scope: dict[str, Any] = {}
    exec(generate(shaped(program, shapes), "numpy", Options(inplace=inplace), wrt=LEARNT), scope)
    found: Callable[..., tuple[Any, dict[str, Any]]] = scope["value_and_gradient"]
    return found


def main() -> None:
    """Prints the median of each, and their ratios to the step by hand."""
    names = stage(NET).variables
    steps = {"readable": written(False), "in place": written(True)}
    for size, (count, inputs, hidden, classes, runs) in SIZES.items():
        random = np.random.default_rng(0)
        given = {"X": random.normal(size=(count, inputs)), "y": random.integers(0, classes, count), "reg": 1e-3}
        given |= {"W1": 0.1 * random.normal(size=(inputs, hidden)), "b1": np.zeros(hidden)}
        given |= {"W2": 0.1 * random.normal(size=(hidden, classes)), "b2": np.zeros(classes)}
        arguments = [given[name] for name in names]
        times: dict[str, list[float]] = {"by hand": [], **{name: [] for name in steps}}
        loss, gradient = by_hand(**given)
        for step in steps.values():
            found = step(*arguments)
            assert np.isclose(found[0], loss)
            assert all(np.allclose(found[1][name], gradient[name]) for name in LEARNT)
        for _ in range(runs):
            begin = time.process_time()
            by_hand(**given)
            times["by hand"].append(time.process_time() - begin)
            for name, step in steps.items():
                begin = time.process_time()
                step(*arguments)
                times[name].append(time.process_time() - begin)
        medians = {name: 1e3 * statistics.median(found) for name, found in times.items()}
        shown = (f"{name} {median:.3f} ms ({median / medians['by hand']:.2f})" for name, median in medians.items())
        print(f"{size}: {', '.join(shown)}")


if __name__ == "__main__":
    main()
