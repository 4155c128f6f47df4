"""Errors: one class per kind of misuse, each also the built-in class that PyTorch would raise.

TinyTorchError
├── ShapeError          (RuntimeError, ValueError)   sizes that do not fit together
├── DimensionError      (IndexError)                 an axis that a tensor does not have
├── IndexOutOfRange     (IndexError, RuntimeError)   a position that an axis does not have
├── DtypeError          (NotImplementedError, TypeError)  element types that an operation does not take
├── DivisionError       (RuntimeError, ZeroDivisionError) whole numbers divided by 0
├── LinAlgError         (RuntimeError)               matrices without an answer, or of the wrong form
├── DeviceError         (RuntimeError)               devices that are missing or mixed
├── CompileError        (RuntimeError)               a step that cannot be captured
└── GradientError       (RuntimeError)               a gradient that cannot be had
    └── OverwrittenError                             because its ingredient was overwritten
"""

from __future__ import annotations


class TinyTorchError(Exception):
    """What every error of this package is."""


class ShapeError(TinyTorchError, RuntimeError, ValueError):
    """Shapes that do not fit together."""


class DimensionError(TinyTorchError, IndexError):
    """An axis that a tensor does not have."""


class IndexOutOfRange(TinyTorchError, IndexError, RuntimeError):
    """A position that an axis does not have."""


class DtypeError(TinyTorchError, NotImplementedError, TypeError):
    """Element types that an operation does not take, or that do not go together.

    PyTorch raises RuntimeError, NotImplementedError (which is one) or TypeError here: this is all three.
    """


class DivisionError(TinyTorchError, RuntimeError, ZeroDivisionError):
    """Whole numbers divided by 0."""


class LinAlgError(TinyTorchError, RuntimeError):
    """A matrix that has no inverse or no decomposition, or is none."""


class DeviceError(TinyTorchError, RuntimeError):
    """A device that is missing, or tensors on different ones."""


class CompileError(TinyTorchError, RuntimeError):
    """A step that cannot be captured, so that it could be replayed."""


class GradientError(TinyTorchError, RuntimeError):
    """A gradient that was asked for and cannot be had."""


class OverwrittenError(GradientError):
    """A gradient needs a value that an in-place operation has overwritten."""
