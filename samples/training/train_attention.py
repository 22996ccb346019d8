"""Projections for attention, learnt until each row attends to the one behind it. Run: python train_attention.py"""

import numpy as np
from attention import value_and_gradient

random = np.random.default_rng(0)
X = np.eye(8)  # eight words
T = np.roll(X, -1, axis=0)  # each is to copy the next one

net = {"Wq": 0.1 * random.normal(size=(8, 8)), "Wk": 0.1 * random.normal(size=(8, 8))}
for step in range(1001):
    loss, gradient = value_and_gradient(X=X, T=T, **net)
    if step % 200 == 0:
        print(f"step {step}: loss {loss:.4f}")
    for name in net:
        net[name] -= 5.0 * gradient[name]
