import numpy as np

D = X @ W + b
out = np.tanh(D)

# backward
dD = (1 - out**2) * dout
dX = dD @ W
dW = X.T @ dD
db = np.sum(dD, axis=0)
