"""Programs as they stand in the notes and assignments of CS231n, pasted; what cannot be pasted says what to write.

The second source is Python itself, which runs the same text on complex numbers.
"""

import array_truth
import numpy as np
import pytest
from calculation import calculate

from gradcli.errors import GradError

N, D, H, C = 4, 3, 5, 3
PROGRAMS = {
    "affine": "N = x.shape[0]\nout = x.reshape(N, -1).dot(w) + b\nsum(out * dout)",
    "relu": "H = np.maximum(0, X.dot(W1) + b1)\nnp.sum(H * H)",
    "relu by a mask": "H = X.dot(W1)\nnp.sum(H * (H > 0))",
    "two-layer net": """
        N = X.shape[0]
        h1 = np.maximum(0, X.dot(W1) + b1)
        scores = h1.dot(W2) + b2
        shifted = scores - np.max(scores, axis=1, keepdims=True)
        exp_scores = np.exp(shifted)
        probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
        data_loss = np.sum(-np.log(probs[np.arange(N), y])) / N
        loss = data_loss + 0.5 * reg * np.sum(W1 * W1) + 0.5 * reg * np.sum(W2 * W2)""",
    "softmax loss, naming what is subtracted": """
        scores = X.dot(W)
        scores_shifted = scores - np.max(scores, axis=1)[:, np.newaxis]
        log_probs = scores_shifted - np.log(np.sum(np.exp(scores_shifted), axis=1))[:, None]
        loss = -np.sum(log_probs[range(X.shape[0]), y]) / X.shape[0]""",
    "svm loss": """
        N = X.shape[0]
        scores = X @ W
        correct = scores[np.arange(N), y].reshape(N, 1)
        margins = np.maximum(0, scores - correct + 1.0)
        loss = (np.sum(margins) - N) / N + reg * np.sum(W * W)""",
    "svm loss, by a new axis": """
        scores = X.dot(W)
        correct_class_score = scores[np.arange(X.shape[0]), y]
        margins = np.maximum(0, scores - correct_class_score[:, np.newaxis] + 1)
        (margins.sum() - X.shape[0]) / X.shape[0]""",
    "batch norm": """
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        x_hat = (x - mu) / np.sqrt(var + 1e-5)
        out = gamma * x_hat + beta
        sum(out * dout)""",
    "batch norm, step by step": """
        N = x.shape[0]
        mu = 1./N * np.sum(x, axis = 0)
        xmu = x - mu
        sq = xmu ** 2
        var = 1./N * np.sum(sq, axis = 0)
        sqrtvar = np.sqrt(var + 1e-5)
        ivar = 1./sqrtvar
        xhat = xmu * ivar
        sum((gamma * xhat + beta) * dout)""",
    "layer norm": """
        mu = x.mean(axis=1, keepdims=True)
        sigma = x.std(axis=-1, keepdims=True)
        sum((gamma * (x - mu) / sigma + beta) * dout)""",
    "dropout, the mask as data": "p = 0.5\nout = x * mask / p\nnp.sum(out * dout)",
    "attention": """
        d = Q.shape[1]
        A = Q.dot(K.T) / np.sqrt(d)
        A = np.exp(A)""".replace("A = np.exp(A)", "P = np.exp(A - A.max(axis=1, keepdims=True))")
    + """
        P2 = P / P.sum(axis=1, keepdims=True)
        sum(P2.dot(V) * dV)""",
    "rnn step": "next_h = np.tanh(x.dot(Wx) + h.dot(Wh) + b)\nnp.sum(next_h**2)",
    "spatial mean": "np.sum(np.mean(im, axis=(0, 2, 3))**2)",
    "global pooling, all but the last two axes": "sum(im[..., 0, 0] * im[..., 1, -1])",
    "transposed and flat": "np.sum(im.transpose(0, 2, 3, 1).reshape(-1, im.shape[1])**3)",
    "distances of all pairs": "np.sum(np.sqrt(np.sum((x[:, None] - W[None, :, :])**2, axis=2)))",
    "triplet": "np.sum(np.maximum(0, np.sum((a - p)**2, axis=1) - np.sum((a - n)**2, axis=1) + 0.2))",
    "picked rows": "np.sum(W[y] * x)",
    "picked columns": "np.sum(W[:, y] ** 2)",
    "bce": "np.mean(np.maximum(s, 0) - s * t + np.log(1 + np.exp(-np.abs(s))))",
}
SHAPES = {
    "affine": {"x": (N, 2, 3), "w": (6, C), "b": (C,), "dout": (N, C)},
    "relu": {"X": (N, D), "W1": (D, H), "b1": (H,)},
    "relu by a mask": {"X": (N, D), "W1": (D, H)},
    "two-layer net": {"X": (N, D), "W1": (D, H), "b1": (H,), "W2": (H, C), "b2": (C,), "y": N, "reg": ()},
    "softmax loss, naming what is subtracted": {"X": (N, D), "W": (D, C), "y": N},
    "svm loss": {"X": (N, D), "W": (D, C), "y": N, "reg": ()},
    "svm loss, by a new axis": {"X": (N, D), "W": (D, C), "y": N},
    "batch norm": {"x": (N, D), "gamma": (D,), "beta": (D,), "dout": (N, D)},
    "batch norm, step by step": {"x": (N, D), "gamma": (D,), "beta": (D,), "dout": (N, D)},
    "layer norm": {"x": (N, D), "gamma": (D,), "beta": (D,), "dout": (N, D)},
    "dropout, the mask as data": {"x": (N, D), "mask": (N, D), "dout": (N, D)},
    "attention": {"Q": (N, D), "K": (H, D), "V": (H, C), "dV": (N, C)},
    "rnn step": {"x": (N, D), "Wx": (D, H), "h": (N, H), "Wh": (H, H), "b": (H,)},
    "spatial mean": {"im": (2, 3, 2, 2)},
    "global pooling, all but the last two axes": {"im": (2, 3, 2, 2)},
    "transposed and flat": {"im": (2, 3, 2, 2)},
    "distances of all pairs": {"x": (N, D), "W": (C, D)},
    "triplet": {"a": (N, D), "p": (N, D), "n": (N, D)},
    "picked rows": {"W": (C, D), "x": (N, D), "y": N},
    "picked columns": {"W": (D, C), "y": N},
    "bce": {"s": (N,), "t": (N,)},
}


def point_of(name):
    """Random entries, the same in each run; where a whole number stands for a shape, that many classes."""
    source = np.random.default_rng(len(name))
    return {
        variable: source.integers(0, C, shape).tolist()
        if isinstance(shape, int)
        else source.uniform(-2, 2, shape).round(3).tolist()
        for variable, shape in SHAPES[name].items()
    }


@pytest.mark.parametrize("fuse", [True, False], ids=["fuse", "no-fuse"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_pasted_from_the_course_has_the_gradient_of_python_itself(name, fuse):
    text = "\n".join(line.strip() for line in PROGRAMS[name].splitlines())
    point = point_of(name)
    found = calculate(text, point, fuse=fuse)
    assert found.value == pytest.approx(array_truth.value(text, point), rel=1e-10)
    for variable, shape in SHAPES[name].items():
        if isinstance(shape, int):
            assert not np.any(found.gradient[variable]), "classes are data"
        else:
            wanted = array_truth.gradient(text, point, variable)
            assert np.asarray(found.gradient[variable]) == pytest.approx(np.asarray(wanted), rel=1e-8, abs=1e-10)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("N, D = X.shape\nX.sum()/N", "N = X.shape[0]; D = X.shape[1]"),
        ("N = len(X)", "X.shape[0]"),
        ("np.sum(X)/X.size", "X.shape[0]*X.shape[1]"),
        ("np.hstack([X, X]).sum()", "concatenate([a, b], axis=1)"),
        ("X.flatten() @ X.flatten()", "X.reshape(-1)"),
        ("np.random.rand(3) * X", "as data"),
        ("np.zeros_like(X) + X", "write 0"),
        ("dX = np.ones_like(X)", "write 1"),
        ("np.clip(X, 0, 1)", "minimum(maximum(x, low), high)"),
        ("X[X > 0].sum()", "where(X > 0, X, 0)"),
        ("M = 2*X\nM[0] = 0\nM.sum()", "where(condition, new, old)"),
        ("X += 1", "a name of its own"),
        ("X.sum", "write .sum()"),
        ("X.max", "write .max()"),
        ("np.argmax(X, axis=1)", "as data"),
        ("np.einsum(X, X)", "@"),
        ("X + None", "X[:, None]"),
        ("[v for v in X]", "no loops"),
    ],
)
def test_what_cannot_be_pasted_says_what_to_write(text, hint):
    with pytest.raises(GradError) as caught:
        calculate(text, {"X": [[1.0, 2.0], [3.0, 4.0]]})
    assert hint in caught.value.hint
    assert caught.value.span is not None
