"""Real data: what ships, and what is downloaded."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.datasets.cifar import CIFAR10
from tinytorch.datasets.digits import Digits
from tinytorch.datasets.download import DownloadError
from tinytorch.datasets.images import FashionMNISTSubset
from tinytorch.datasets.mnist import MNIST, FashionMNIST
from tinytorch.datasets.names import Names
from tinytorch.datasets.shakespeare import Shakespeare

__all__ = [
    "CIFAR10",
    "Digits",
    "DownloadError",
    "FashionMNIST",
    "FashionMNISTSubset",
    "MNIST",
    "Names",
    "Shakespeare",
]
