import numpy as np

s = a + b
f = np.sum(s * a)

# backward
ds = a
da = ds
db = ds
da += s
