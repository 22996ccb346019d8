import numpy as np


def value_and_gradient(X, gamma, beta, w, t):
    """Value and gradient of loss.

    X (N, D)
    gamma (D,)
    beta (D,)
    w (D,)
    t (N,)
    Returns loss and the gradients by name, each in the shape of its variable.
    By convention sqrt'(0) = inf.
    """
    X = np.asarray(X, dtype=float)
    gamma = np.asarray(gamma, dtype=float)
    beta = np.asarray(beta, dtype=float)
    w = np.asarray(w, dtype=float)
    t = np.asarray(t, dtype=float)

    # forward pass
    mu = np.mean(X, axis=1, keepdims=True)  # (N, 1)
    v = np.var(X, axis=1, keepdims=True)  # (N, 1)
    Xmmu = X - mu  # (N, D)
    invsqrtvpk = 1.0 / np.sqrt(v + 1e-5)  # (N, 1)
    out = gamma * Xmmu * invsqrtvpk + beta  # (N, D)
    tanhout = np.tanh(out)  # (N, D)
    tanhoutwmt = tanhout @ w - t  # (N,)
    loss = np.mean(tanhoutwmt**2)  # ()

    # backward pass
    # backprop loss = np.mean(tanhoutwmt**2)
    dpower1 = 1.0 / X.shape[0]
    # backprop tanhoutwmt**2
    dtanhoutwmt = 2 * dpower1 * tanhoutwmt
    # backprop tanhout @ w
    dtanhout = np.outer(dtanhoutwmt, w)
    dw = tanhout.T @ dtanhoutwmt
    # backprop tanhout = np.tanh(out)
    dout = (1 - tanhout**2) * dtanhout
    # backprop out = gamma * Xmmu * invsqrtvpk + beta
    dbeta = np.sum(dout, axis=0)
    # backprop gamma * Xmmu * invsqrtvpk
    dnum = invsqrtvpk * dout
    # backprop gamma * Xmmu
    dgamma = np.sum(Xmmu * dnum, axis=0)

    return loss, {"gamma": dgamma, "beta": dbeta, "w": dw}
