"""A residual network: basic blocks, batch norm, SGD with Nesterov momentum, one-cycle schedule, flips and crops."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out, inplace=True)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 8
        self.conv1 = nn.Conv2d(3, 8, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(8)
        self.layer1 = self._make_layer(block, 8, num_blocks[0], stride=1)
        self.layer2 = self._make_layer(block, 16, num_blocks[1], stride=2)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.linear = nn.Linear(16 * block.expansion, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def _make_layer(self, block, planes, num_blocks, stride):
        layers = []
        for s in [stride] + [1] * (num_blocks - 1):
            layers.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        return self.linear(torch.flatten(self.pool(x), 1))


def augment(x, rng):
    """A flip for some pictures, and a window out of the padded one."""
    flips = torch.from_numpy(rng.random(len(x)) < 0.5)
    x = torch.where(flips[:, None, None, None], x.flip(-1), x)
    padded = F.pad(x, (2, 2, 2, 2), mode="reflect")
    top, left = (int(n) for n in rng.integers(0, 5, 2))
    return padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]


def main():
    rng = np.random.default_rng(9)
    model = ResNet(BasicBlock, [1, 2])
    start(model=model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=10)
    for _ in range(10):
        x = augment(torch.from_numpy(rng.random((8, 3, 16, 16), dtype=np.float32)), rng)
        y = torch.from_numpy(rng.integers(0, 10, (8,)))
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        step(loss, model)
        optimizer.step()
        scheduler.step()
    model.eval()
    with torch.inference_mode():
        top = model(x).softmax(-1).topk(3, dim=-1)
    finish(model, values=top.values, lr=scheduler.get_last_lr())


if __name__ == "__main__":
    main()
