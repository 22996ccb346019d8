import numpy as np

# ridge regression
r = X @ w - y
loss = np.sum(r**2) + reg * np.sum(w**2)

# backward
dr = 2 * r
dw = X.T @ dr
