# at {"X": [[-0.37, 0.35, 0.57], [0.79, -0.36, 0.82], [0.89, 0.45, 1.14], [1.1, 0.04, 0.07]], "Y": [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "W": [[-0.8, 0.81, 1.05], [-0.05, 0.46, 0.53], [0.55, -0.79, 0.67]], "reg": 0.1}
import numpy as np


def value_and_gradient(X, Y, W, reg):
    N = X.shape[0]
    S = X @ W
    correct = np.sum(Y * S, axis=1, keepdims=True)
    margins = np.maximum(0, S - correct + 1)
    wrong = (1 - Y) * margins
    loss = np.sum(wrong) / N + reg * np.sum(W * W)
    # backward pass
    dwrong = np.ones_like(wrong) / N
    dmargins = (1 - Y) * dwrong
    dmargins[margins <= 0] = 0
    dS = dmargins.copy()
    dcorrect = -np.sum(dmargins, axis=1, keepdims=True)
    dS += Y * dcorrect
    dW = X.T @ dS
    dW += 2 * reg * W
    return loss, {"W": dW}
