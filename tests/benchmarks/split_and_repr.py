"""The CS231n note's function on a table, as a bare script does it: what `eval --data` is held against.

python split_and_repr.py < data.csv: columns x and y in, f, dx and dy added; nothing is checked.
"""

import sys
from math import exp

write = sys.stdout.write
write(next(sys.stdin).rstrip("\n") + ",f,dx,dy\n")
for row in sys.stdin:
    cells = row.rstrip("\n").split(",")
    x, y = float(cells[0]), float(cells[1])
    sigy = 1 / (1 + exp(-y))
    num = x + sigy
    sigx = 1 / (1 + exp(-x))
    xpy = x + y
    den = sigx + xpy**2
    invden = 1 / den
    f = num * invden
    dden = -invden / den * num
    dxpy = 2 * xpy * dden
    dx = dxpy + (1 - sigx) * sigx * dden + invden
    dy = dxpy + (1 - sigy) * sigy * invden
    write(",".join([*cells, repr(f), repr(dx), repr(dy)]) + "\n")
