import numpy as np


def softmax(A, axis=-1):
    """exp(A) as shares of its sum, shifted so that exp does not overflow."""
    raised = np.exp(A - np.max(A, axis=axis, keepdims=True))
    return raised / np.sum(raised, axis=axis, keepdims=True)


def value_and_gradient(X, Wq, Wk, T):
    """Value and gradient of loss.

    X (N, D)
    Wq (D, D)
    Wk (D, D)
    T (N, D)
    Returns loss and the gradients by name, each in the shape of its variable.
    """
    X = np.asarray(X, dtype=float)
    Wq = np.asarray(Wq, dtype=float)
    Wk = np.asarray(Wk, dtype=float)
    T = np.asarray(T, dtype=float)

    # forward pass
    Q = X @ Wq  # (N, D)
    K = X @ Wk  # (N, D)
    KT = K.T  # (D, N)
    P = softmax(Q @ KT / 2, axis=1)  # (N, N)
    PXmT = P @ X - T  # (N, D)
    loss = np.mean(PXmT**2)  # ()

    # backward pass
    # backprop loss = np.mean(PXmT**2)
    dPXmTsqr = 1.0 / (X.shape[0] * X.shape[1])
    # backprop PXmT**2
    dPXmT = 2 * dPXmTsqr * PXmT
    # backprop P @ X
    dP = dPXmT @ X.T
    # backprop P = softmax(Q @ KT / 2, axis=1)
    dQKTover2 = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    # backprop Q @ KT / 2
    dQKT = 0.5 * dQKTover2
    # backprop Q @ KT
    dQ = dQKT @ KT.T
    dKT = Q.T @ dQKT
    # backprop KT = K.T
    dK = dKT.T
    # backprop K = X @ Wk
    dWk = X.T @ dK
    # backprop Q = X @ Wq
    dWq = X.T @ dQ

    return loss, {"Wq": dWq, "Wk": dWk}
