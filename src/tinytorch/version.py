"""The version of this package (`torch.version`)."""

__version__ = "0.1.0"
cuda = None  # no such toolkit was compiled in, as in PyTorch's builds for the CPU
hip = None
