import math

# speed of a pendulum after a swing
c = math.cos(a)
h = l * (1 - c)
v = math.sqrt(2 * g * h)

# backward
h = g / v
dg = h / v
dl = (1 - c) * h
da = l * math.sin(a) * h
