"""Networks for images against the same networks in PyTorch: outputs, ten steps of training, state."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from twins import refused

import tinytorch as tt
from tinytorch.models import BasicBlock, LeNet, ResNet

torch.set_num_threads(1)


class TorchLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
        )

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


class TorchBlock(nn.Module):
    def __init__(self, before, channels, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x):
        inner = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(inner)) + self.shortcut(x))


class TorchResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(TorchBlock(8, 8, 1), TorchBlock(8, 16, 2), TorchBlock(16, 32, 2))
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        return self.head(nn.functional.adaptive_avg_pool2d(self.blocks(self.stem(x)), 1).flatten(1))


PAIRS = {
    "lenet": (LeNet, TorchLeNet, (8, 1, 28, 28)),
    "resnet": (lambda: ResNet((1, 1, 1), width=8), TorchResNet, (8, 3, 16, 16)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_ten_steps_of_training_lead_to_the_same_state(name):
    ours, theirs = PAIRS[name][0](), PAIRS[name][1]()
    assert repr(ours).split("(", 1)[1].replace("BasicBlock", "TorchBlock") == repr(theirs).split("(", 1)[1]
    random = np.random.default_rng(0)
    ours.load_state_dict(
        {key: tt.from_numpy(value.numpy().copy()) for key, value in theirs.state_dict().items()}
    )
    optimizers = [ns.optim.SGD(m.parameters(), 0.02, momentum=0.9) for ns, m in ((tt, ours), (torch, theirs))]
    for _ in range(10):
        x, y = random.normal(size=PAIRS[name][2]).astype("f4"), random.integers(0, 10, 8)
        losses = []
        for ns, model, optimizer in zip((tt, torch), (ours, theirs), optimizers, strict=True):
            optimizer.zero_grad()
            loss = ns.nn.functional.cross_entropy(model(ns.from_numpy(x)), ns.from_numpy(y))
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for key, value in ours.state_dict().items():
        np.testing.assert_allclose(
            value.numpy(), theirs.state_dict()[key].numpy(), rtol=2e-3, atol=2e-4, err_msg=key
        )
    x = random.normal(size=PAIRS[name][2]).astype("f4")
    ours.eval(), theirs.eval()
    np.testing.assert_allclose(
        ours(tt.from_numpy(x)).detach().numpy(),
        theirs(torch.from_numpy(x)).detach().numpy(),
        rtol=1e-3,
        atol=1e-3,
    )


def test_at_first_a_block_passes_its_input_on():
    tt.manual_seed(0)
    net = ResNet((2, 1), width=4)
    x = tt.rand(2, 4, 8, 8)
    block = net.blocks[1]
    assert isinstance(block, BasicBlock)
    assert tt.allclose(block(x), x, atol=1e-6)
    assert [each.conv1.stride for each in net.blocks] == [(1, 1), (1, 1), (2, 2)]
    assert net(tt.rand(2, 3, 8, 8)).shape == (2, 10)


def test_a_small_resnet_learns_which_way_stripes_run():
    tt.manual_seed(1)
    random = np.random.default_rng(2)
    net = ResNet((1, 1), width=4, classes=2)
    optimizer = tt.optim.Adam(net.parameters(), 0.01)
    for _ in range(25):
        y = random.integers(0, 2, 16)
        stripes = np.sin(np.arange(8) * 1.5 + random.uniform(0, 6, (16, 1, 1, 1))).astype("f4")
        x = np.broadcast_to(stripes, (16, 3, 8, 8)).copy()
        x[y == 1] = x[y == 1].transpose(0, 1, 3, 2)
        x += random.normal(size=x.shape).astype("f4") * 0.1
        optimizer.zero_grad()
        scores = net(tt.from_numpy(x))
        loss = tt.nn.functional.cross_entropy(scores, tt.from_numpy(y))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2
    assert (scores.argmax(1).numpy() == y).all()


def test_an_image_of_another_size_is_refused_by_lenet():
    refused(lambda ns: (LeNet if ns is tt else TorchLeNet)()(ns.ones(1, 1, 20, 20)))
