"""gradcli: gradients of expressions, staged and named as a person would compute them."""

__version__ = "0.1.0"
