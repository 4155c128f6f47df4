"""Benchmarks: training steps beside PyTorch's, in one interleaved run."""
