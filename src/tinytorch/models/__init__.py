"""What people train."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.models.convnet import LeNet
from tinytorch.models.mlp import MLP
from tinytorch.models.resnet import BasicBlock, ResNet

__all__ = ["MLP", "BasicBlock", "LeNet", "ResNet"]
