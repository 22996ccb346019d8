# at {"X": [[0.51, 0.37, -1.0], [0.4, -0.98, -0.9], [0.23, -0.63, 0.9], [-0.05, -0.42, 0.71]], "M": [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], "W": [[-1.13, 0.54], [-1.07, -0.84], [1.08, 0.43]], "b": [-0.66, -0.92], "dout": [[1.13, 0.4], [0.77, -0.86], [0.3, -0.35], [-0.64, -0.4]]}
import numpy as np


def value_and_gradient(X, M, W, b, dout):
    D = X * M / 0.8
    Z = np.dot(D, W) + b
    out = 1.0 / (1.0 + np.exp(-Z))
    # backward pass
    dZ = dout * out * (1 - out)
    db = dZ.sum(axis=0)
    dW = np.dot(D.T, dZ)
    dD = np.dot(dZ, W.T)
    dX = dD * M / 0.8
    return out, {"X": dX, "W": dW, "b": db}
