"""TinyTorch: a small, complete deep learning framework."""
