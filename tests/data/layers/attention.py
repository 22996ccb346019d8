# at {"Q": [[-0.43, 1.16], [-0.02, -0.51], [-0.06, -0.91]], "K": [[0.29, -0.14], [-0.5, 0.68], [0.78, -1.17], [0.08, -0.54]], "V": [[1.04, 0.68, -0.61], [-0.56, -0.83, 1.17], [-0.5, 0.26, -0.06], [0.35, 0.25, 0.58]], "G": [[-0.92, 0.62, -0.48], [0.08, -0.39, -0.49], [0.07, -0.09, -0.33]]}
import numpy as np


def value_and_gradient(Q, K, V, G):
    S = Q @ K.T / np.sqrt(2.0)
    E = np.exp(S)
    Z = np.sum(E, axis=1, keepdims=True)
    P = E / Z
    O = P @ V
    loss = np.sum(O * G)
    # backward pass
    dO = G
    dP = dO @ V.T
    dV = P.T @ dO
    dE = dP / Z
    dZ = -np.sum(dP * E, axis=1, keepdims=True) / Z**2
    dE += dZ
    dS = E * dE
    dQ = dS @ K / np.sqrt(2.0)
    dK = dS.T @ Q / np.sqrt(2.0)
    return loss, {"Q": dQ, "K": dK, "V": dV}
