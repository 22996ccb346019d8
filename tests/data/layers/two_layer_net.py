# at {"X": [[0.76, -0.05, -0.44], [-0.05, 0.49, -1.06], [1.14, -1.15, 0.6], [0.83, -1.16, 0.69], [-0.32, 0.19, -1.18]], "y": [0, 2, 1, 1, 2], "W1": [[-1.09, -0.77, 1.09, -0.73], [0.61, 1.03, 1.06, -0.37], [-0.35, 0.06, 0.66, -0.94]], "b1": [0.6, 0.71, 0.86, -1.11], "W2": [[1.07, -0.98, -0.38], [0.27, 1.0, -0.38], [1.02, 0.11, -0.45], [-0.44, -0.77, -1.01]], "b2": [-0.84, 0.45, 1.19], "reg": 0.1}
import numpy as np


def value_and_gradient(X, y, W1, b1, W2, b2, reg):
    N = X.shape[0]
    hidden = np.maximum(0, np.dot(X, W1) + b1)
    scores = np.dot(hidden, W2) + b2
    exp_scores = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    probs = exp_scores / np.sum(exp_scores, axis=1, keepdims=True)
    loss = (
        -np.sum(np.log(probs[np.arange(N), y.astype(int)])) / N
        + 0.5 * reg * np.sum(W1 * W1)
        + 0.5 * reg * np.sum(W2 * W2)
    )
    # backward pass
    dscores = probs.copy()
    dscores[np.arange(N), y.astype(int)] -= 1
    dscores /= N
    dW2 = np.dot(hidden.T, dscores)
    db2 = np.sum(dscores, axis=0)
    dhidden = np.dot(dscores, W2.T)
    dhidden[hidden <= 0] = 0
    dW1 = np.dot(X.T, dhidden)
    db1 = np.sum(dhidden, axis=0)
    dW2 += reg * W2
    dW1 += reg * W1
    return loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}
