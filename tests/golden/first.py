x = -2.0
y = 5.0
z = -4.0

q = x + y
f = q * z

dfdz = q
dfdq = z
dqdx = 1.0
dqdy = 1.0
dfdx = dfdq * dqdx
dfdy = dfdq * dqdy
