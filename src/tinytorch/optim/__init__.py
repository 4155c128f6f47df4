"""Optimizers: how parameters follow their gradients."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.optim import lr_scheduler, swa_utils
from tinytorch.optim.adam import Adam, AdamW
from tinytorch.optim.adam_variants import Adamax, NAdam, RAdam
from tinytorch.optim.lbfgs import LBFGS
from tinytorch.optim.muon import Muon
from tinytorch.optim.optimizer import Optimizer
from tinytorch.optim.rmsprop import Adadelta, Adagrad, RMSprop
from tinytorch.optim.sgd import SGD

__all__ = [
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "LBFGS",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "SGD",
    "lr_scheduler",
    "swa_utils",
]
