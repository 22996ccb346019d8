import math

# y = sin(x) / x**2
s = math.sin(x)
q = x**2
y = s / q

# backward
dy = 1.0
ds = dy / q
dx = math.cos(x) * ds
dx += 2 * x * dq
dq = -s / q**2 * dy
