"""How far the framework agrees with PyTorch: PyTorch's own samples of every function, run on both, written down as a table."""
