// the neuron of the note: dot, sigmoid
const dot = w[0]*x[0] + w[1]*x[1] + w[2];
const f = 1 / (1 + Math.exp(-dot));
// backward
const ddot = (1 - f) * dot;
const dx = [w[0] * ddot, w[1] * ddot];
const dw = [x[0] * ddot, x[1] * ddot, 1.0 * ddot];
