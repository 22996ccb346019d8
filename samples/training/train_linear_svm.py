"""A linear support vector machine for three clouds of points. Run: python train_linear_svm.py"""

import numpy as np
from linear_svm import value_and_gradient

random = np.random.default_rng(0)
y = np.repeat(np.arange(3), 50)
corners = np.array([[2.0, 0.0], [-1.0, 2.0], [-1.0, -2.0]])
X = corners[y] + 0.7 * random.normal(size=(150, 2))

W = 0.01 * random.normal(size=(2, 3))
for step in range(201):
    loss, gradient = value_and_gradient(X, W, y, reg=1e-3)
    if step % 50 == 0:
        print(f"step {step}: loss {loss:.3f}")
    W -= 0.1 * gradient["W"]

print(f"right: {np.mean(np.argmax(X @ W, axis=1) == y):.0%}")
