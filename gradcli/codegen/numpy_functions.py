"""Functions that NumPy does not have, as generated code brings them along; and which of them others call."""

from __future__ import annotations

FUNCTIONS = {
    "norm": '''\
def norm(A, axis=None, keepdims=False):
    """The root of the sum of squares; scaled, so that squares neither overflow nor vanish."""
    scale = np.max(np.abs(A), axis=axis, keepdims=True, initial=0.0)
    scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
    result = scale * np.sqrt(np.sum((A / scale) ** 2, axis=axis, keepdims=True))
    return result if keepdims else np.squeeze(result, axis)''',
    "logsumexp": '''\
def logsumexp(A, axis=None, keepdims=False):
    """log(sum(exp(A))), shifted so that exp does not overflow."""
    shift = np.max(A, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(shift), shift, 0.0)
    result = shift + np.log(np.sum(np.exp(A - shift), axis=axis, keepdims=True))
    return result if keepdims else np.squeeze(result, axis)''',
    "softmax": '''\
def softmax(A, axis=-1):
    """exp(A) as shares of its sum, shifted so that exp does not overflow."""
    raised = np.exp(A - np.max(A, axis=axis, keepdims=True))
    return raised / np.sum(raised, axis=axis, keepdims=True)''',
    "log_softmax": '''\
def log_softmax(A, axis=-1):
    """The logarithm of softmax, shifted so that exp does not overflow."""
    shifted = A - np.max(A, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))''',
    "others": '''\
def others(A, axis=None):
    """For each entry the product of the others along the axes, right also at zeros."""
    axes = range(A.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [one % A.ndim for one in axes]
    last = range(A.ndim - len(axes), A.ndim)
    moved = np.moveaxis(A, axes, last)
    flat = moved.reshape(*moved.shape[: A.ndim - len(axes)], -1)
    ones = np.ones_like(flat[..., :1])
    before = np.cumprod(np.concatenate([ones, flat[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([ones, flat[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return np.moveaxis((before * after).reshape(moved.shape), last, axes)''',
    "cofactor": '''\
def cofactor(A):
    """det(A) times the transposed inverse of A; by singular values, so that it is right for a singular A too."""
    left, values, right = np.linalg.svd(A)
    sign = np.linalg.det(left) * np.linalg.det(right)
    return sign * (left * others(values)) @ right''',
    "first": '''\
def first(mask, axis=None):
    """Of the true entries along the axes the first one."""
    axes = range(mask.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [one % mask.ndim for one in axes]
    last = range(mask.ndim - len(axes), mask.ndim)
    moved = np.moveaxis(mask, axes, last)
    flat = moved.reshape(*moved.shape[: mask.ndim - len(axes)], -1)
    alone = flat & (np.cumsum(flat, axis=-1) == 1)
    return np.moveaxis(alone.reshape(moved.shape), last, axes)''',
    "last": '''\
def last(mask, axis=None):
    """Of the true entries along the axes the last one."""
    axes = tuple(range(mask.ndim)) if axis is None else axis
    return np.flip(first(np.flip(mask, axes), axis), axes)''',
}
NEEDS = {"cofactor": ["others"], "last": ["first"]}
