"""What people train."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.models.convnet import LeNet
from tinytorch.models.generate import KVCache, load_pretrained
from tinytorch.models.gpt import GPT
from tinytorch.models.mlp import MLP
from tinytorch.models.resnet import BasicBlock, ResNet
from tinytorch.models.rnn import CharacterLSTM

__all__ = [
    "BasicBlock",
    "CharacterLSTM",
    "GPT",
    "KVCache",
    "LeNet",
    "MLP",
    "ResNet",
    "load_pretrained",
]
