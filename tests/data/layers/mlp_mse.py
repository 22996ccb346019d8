# at {"X": [[0.59, 0.22, -1.11], [-0.59, -0.11, 1.0], [0.93, 0.11, -1.17], [0.67, -0.17, 0.18]], "W1": [[0.5, 0.32, -0.04, 0.99], [-0.27, -0.26, 0.84, -0.73], [-0.49, 0.79, -1.04, 0.81]], "b1": [0.47, -0.16, -0.51, 0.67], "W2": [[0.99, -0.86], [-0.05, 0.12], [-0.01, -0.41], [-0.83, 0.21]], "b2": [0.75, -1.04], "Y": [[-0.65, 0.77], [0.7, 0.39], [-1.14, 0.53], [1.15, 1.2]]}
import numpy as np


def value_and_gradient(X, W1, b1, W2, b2, Y):
    Z = X @ W1 + b1
    H = np.tanh(Z)
    O = H @ W2 + b2
    E = O - Y
    loss = np.sum(E**2) / X.shape[0]
    # backward pass
    dE = 2 * E / X.shape[0]
    dO = dE
    dW2 = H.T @ dO
    db2 = np.sum(dO, axis=0)
    dH = dO @ W2.T
    dZ = (1 - H**2) * dH
    dX = dZ @ W1.T
    dW1 = X.T @ dZ
    db1 = np.sum(dZ, axis=0)
    return loss, {"X": dX, "W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
