"""The spiral of CS231n: three arms of points, a net of a hundred hidden units. Run: python train_two_layer_net.py"""

import numpy as np
from two_layer_net import value_and_gradient

random = np.random.default_rng(0)
radius = np.linspace(0.0, 1.0, 100)
X, y = np.zeros((300, 2)), np.repeat(np.arange(3), 100)
for arm in range(3):
    angle = 4 * arm + np.linspace(0, 4, 100) + 0.2 * random.normal(size=100)
    X[y == arm] = np.c_[radius * np.sin(angle), radius * np.cos(angle)]

W1, b1 = 0.01 * random.normal(size=(2, 100)), np.zeros(100)
W2, b2 = 0.01 * random.normal(size=(100, 3)), np.zeros(3)
for step in range(4001):
    loss, gradient = value_and_gradient(X, W1, b1, W2, b2, y, reg=1e-3)
    if step % 1000 == 0:
        print(f"step {step}: loss {loss:.3f}")
    W1 -= 1.0 * gradient["W1"]
    b1 -= 1.0 * gradient["b1"]
    W2 -= 1.0 * gradient["W2"]
    b2 -= 1.0 * gradient["b2"]

scores = np.maximum(0, X @ W1 + b1) @ W2 + b2
print(f"right: {np.mean(np.argmax(scores, axis=1) == y):.0%}")
