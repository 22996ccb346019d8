# at {"a": [1.06, 0.35, -0.17], "b": [1.14, -1.18, -1.05, 0.67], "W": [[-0.22, -1.09, 0.12, 1.18], [0.05, -0.36, -0.97, -1.03], [0.96, -0.02, 1.05, -1.07]]}
import numpy as np


def value_and_gradient(a, b, W):
    u = W @ b
    s = a @ u
    na = np.sqrt(np.sum(a**2))
    nu = np.sqrt(np.sum(u**2))
    n = na * nu
    loss = 1 - s / n
    # backward pass
    ds = -1 / n
    dn = s / n**2
    dna = nu * dn
    dnu = na * dn
    da = u * ds
    du = a * ds
    da += a / na * dna
    du += u / nu * dnu
    dW = np.outer(du, b)
    db = W.T @ du
    return loss, {"a": da, "b": db, "W": dW}
