# at {"x": [-0.72, -1.14, -0.65, -1.01, -0.24], "w": [1.14, -0.33, -0.45, -0.08, -0.52], "dout": [0.56, 0.52, -0.81, -0.62, 0.41]}
import numpy as np


def value_and_gradient(x, w, dout):
    m = np.mean(x)
    a = x - m
    v = np.mean(a**2)
    s = np.sqrt(v)
    u = a / s
    out = w * u
    # backward pass
    dw = dout * u
    du = dout * w
    da = du / s
    ds = -np.sum(du * a) / s**2
    dv = ds / (2 * s)
    da += 2 * a * dv / x.shape[0]
    dm = -np.sum(da)
    dx = da.copy()
    dx += dm / x.shape[0]
    return out, {"x": dx, "w": dw}
