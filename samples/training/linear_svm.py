import numpy as np


def value_and_gradient(X, W, y, reg):
    """Value and gradient of f.

    X (N, 2)
    W (2, 3)
    y (N,), whole numbers
    reg ()
    Returns f and the gradients by name, each in the shape of its variable.
    At a tie of max or min the first of the equal operands takes the whole gradient.
    Where an operand of a gate that routes is nan, a gradient through it may be 0.
    """
    X = np.asarray(X, dtype=float)
    W = np.asarray(W, dtype=float)
    y = np.asarray(y, dtype=int)
    reg = np.asarray(reg, dtype=float)

    # forward pass
    N = X.shape[0]  # ()
    S = X @ W  # (N, 3)
    Spicked = S[np.arange(N), y]  # (N,)
    margins = np.maximum(0.0, S - np.reshape(Spicked, (-1, 1)) + 1)  # (N, 3)
    regsumWsqr = reg * np.sum(W**2)  # ()
    f = np.sum(margins) * (1.0 / N) - 1 + regsumWsqr  # ()

    # backward pass
    # backprop np.sum(margins) * (1.0 / N)
    dsummargins = 1.0 / N
    # backprop np.sum(margins)
    dmargins = dsummargins
    # backprop margins = np.maximum(0.0, S - np.reshape(Spicked, (-1, 1)) + 1)
    dsum = np.where(0 >= margins, 0.0, dmargins)
    # backprop S - np.reshape(Spicked, (-1, 1)) + 1
    dS = np.copy(dsum)
    dreshape = np.sum(-dsum, axis=1, keepdims=True)
    # backprop np.reshape(Spicked, (-1, 1))
    dSpicked = dreshape.reshape(Spicked.shape)
    # backprop Spicked = S[np.arange(N), y]
    dS[np.arange(N), y] += dSpicked
    # backprop S = X @ W
    dW = X.T @ dS
    # backprop W**2
    dW += 2 * reg * W

    return f, {"W": dW}
