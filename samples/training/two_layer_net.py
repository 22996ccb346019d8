import numpy as np


def first(mask, axis=None):
    """Of the true entries along the axes the first one."""
    axes = range(mask.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [one % mask.ndim for one in axes]
    last = range(mask.ndim - len(axes), mask.ndim)
    moved = np.moveaxis(mask, axes, last)
    flat = moved.reshape(*moved.shape[: mask.ndim - len(axes)], -1)
    alone = flat & (np.cumsum(flat, axis=-1) == 1)
    return np.moveaxis(alone.reshape(moved.shape), last, axes)


def value_and_gradient(X, W1, b1, W2, b2, y, reg):
    """Value and gradient of loss.

    X (N, D)
    W1 (D, H)
    b1 (H,)
    W2 (H, K)
    b2 (K,)
    y (N,), whole numbers
    reg ()
    Returns loss and the gradients by name, each in the shape of its variable.
    At a tie of max or min the first of the equal operands takes the whole gradient.
    Where an operand of a gate that routes is nan, a gradient through it may be 0.
    """
    X = np.asarray(X, dtype=float)
    W1 = np.asarray(W1, dtype=float)
    b1 = np.asarray(b1, dtype=float)
    W2 = np.asarray(W2, dtype=float)
    b2 = np.asarray(b2, dtype=float)
    y = np.asarray(y, dtype=int)
    reg = np.asarray(reg, dtype=float)

    # forward pass
    N = X.shape[0]  # ()
    h = np.maximum(0.0, X @ W1 + b1)  # (N, H)
    scores = h @ W2 + b2  # (N, K)
    maxscores = np.max(scores, axis=1, keepdims=True)  # (N, 1)
    s = scores - maxscores  # (N, K)
    exps = np.exp(s)  # (N, K)
    sumexps = np.sum(exps, axis=1, keepdims=True)  # (N, 1)
    invsumexps = 1.0 / sumexps  # (N, 1)
    probs = exps * invsumexps  # (N, K)
    picked = probs[np.arange(N), y]  # (N,)
    data_loss = np.sum(-np.log(picked)) * (1.0 / N)  # ()
    halfreg = 0.5 * reg  # ()
    prod = halfreg * np.sum(W1 * W1)  # ()
    prod2 = halfreg * np.sum(W2 * W2)  # ()
    loss = data_loss + prod + prod2  # ()

    # backward pass
    # backprop loss = data_loss + prod + prod2
    ddata_loss = 1.0
    # backprop data_loss = np.sum(-np.log(picked)) * (1.0 / N)
    dsumneg1 = 1.0 / N * ddata_loss
    # backprop -np.log(picked)
    dlogpicked = -dsumneg1
    # backprop np.log(picked)
    dpicked = 1.0 / picked * dlogpicked
    # backprop picked = probs[np.arange(N), y]
    dprobs = np.zeros_like(probs)
    dprobs[np.arange(N), y] = dpicked
    # backprop probs = exps * invsumexps
    dexps = invsumexps * dprobs
    dinvsumexps = np.sum(exps * dprobs, axis=1, keepdims=True)
    # backprop invsumexps = 1.0 / sumexps
    dsumexps = -invsumexps / sumexps * dinvsumexps
    # backprop sumexps = np.sum(exps, axis=1, keepdims=True)
    dexps += dsumexps
    # backprop exps = np.exp(s)
    ds = exps * dexps
    # backprop s = scores - maxscores
    dscores = np.copy(ds)
    dmaxscores = np.sum(-ds, axis=1, keepdims=True)
    # backprop maxscores = np.max(scores, axis=1, keepdims=True)
    dscores += np.where(first(scores == maxscores, axis=1), dmaxscores, 0.0)
    # backprop scores = h @ W2 + b2
    db2 = np.sum(dscores, axis=0)
    # backprop h @ W2
    dh = dscores @ W2.T
    dW2 = h.T @ dscores
    # backprop h = np.maximum(0.0, X @ W1 + b1)
    dXW1pb1 = dh
    np.putmask(dXW1pb1, 0 >= h, 0.0)
    # backprop X @ W1 + b1
    db1 = np.sum(dXW1pb1, axis=0)
    # backprop X @ W1
    dW1 = X.T @ dXW1pb1
    # backprop W2 * W2
    dW2 += 2 * halfreg * W2
    # backprop W1 * W1
    dW1 += 2 * halfreg * W1

    return loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
