# at {"X": [[-0.81, -1.08, 1.17], [0.08, -0.23, -0.63], [0.23, 0.78, -0.11], [-0.19, -1.07, 1.0]], "gamma": [0.34, 0.89, 1.31], "beta": [-0.89, 0.56, 1.08], "dout": [[0.31, 0.69, -0.94], [-0.16, -0.84, 0.83], [-0.49, -0.11, 1.2], [0.85, 1.14, -0.11]]}
import numpy as np


def value_and_gradient(X, gamma, beta, dout):
    N, D = X.shape
    mu = 1.0 / N * np.sum(X, axis=0)
    xmu = X - mu
    sq = xmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + 1e-5)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    # backward pass
    dbeta = np.sum(dout, axis=0)
    dgammax = dout
    dgamma = np.sum(dgammax * xhat, axis=0)
    dxhat = dgammax * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / (sqrtvar**2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(var + 1e-5) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, D)) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -1 * np.sum(dxmu1 + dxmu2, axis=0)
    dx2 = 1.0 / N * np.ones((N, D)) * dmu
    dX = dx1 + dx2
    return out, {"X": dX, "gamma": dgamma, "beta": dbeta}
