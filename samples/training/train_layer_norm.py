"""Scale, shift and weights behind a layer normalization, learnt from 200 points. Run: python train_layer_norm.py"""

import numpy as np
from layer_norm import value_and_gradient

random = np.random.default_rng(0)
X = 3.0 + 10.0 * random.normal(size=(200, 5))  # far from mean 0 and variance 1
t = np.sin(X[:, 0] / 10.0) - X[:, 1] / 20.0

net = {"gamma": np.ones(5), "beta": np.zeros(5), "w": 0.1 * random.normal(size=5)}
for step in range(501):
    loss, gradient = value_and_gradient(X=X, t=t, **net)
    if step % 100 == 0:
        print(f"step {step}: loss {loss:.4f}")
    for name in net:
        net[name] -= 0.1 * gradient[name]
