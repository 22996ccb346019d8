# at {"X": [[0.19, 0.4, -0.19], [0.3, 0.66, 0.33], [0.53, -1.13, -0.82], [-0.14, 0.36, -0.67], [0.45, 0.31, -1.1]], "w": [-0.07, -0.66, -1.07], "b": 0.2, "t": [1.0, 0.0, 1.0, 1.0, 0.0]}
import numpy as np


def value_and_gradient(X, w, b, t):
    z = X @ w + b
    p = 1.0 / (1 + np.exp(-z))
    loss = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
    # backward pass
    dp = -(t / p - (1 - t) / (1 - p)) / t.shape[0]
    dz = p * (1 - p) * dp
    dw = X.T @ dz
    db = np.sum(dz)
    return loss, {"w": dw, "b": db}
