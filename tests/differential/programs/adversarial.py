"""The fast gradient sign attack on a small classifier, and training against it: gradients of the input."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding="same"),
            nn.InstanceNorm2d(6, affine=True),
            nn.GELU(approximate="tanh"),
            nn.MaxPool2d(2, 2),
            nn.Conv2d(6, 6, 3, padding=1, groups=6),
            nn.LeakyReLU(0.1),
            nn.Upsample(scale_factor=2, mode="nearest"),
            nn.AvgPool2d(4),
            nn.Flatten(),
        )
        self.out = nn.Linear(6 * 9, 4)

    def forward(self, x):
        return self.out(self.layers(x))


def fgsm_attack(image, epsilon, data_grad):
    return torch.clamp(image + epsilon * data_grad.sign(), 0, 1)


def main():
    rng = np.random.default_rng(17)
    model = Net()
    start(model=model)
    optimizer = torch.optim.SGD(
        [
            {"params": model.layers.parameters(), "lr": 0.02},
            {"params": model.out.parameters()},
        ],
        lr=0.1,
        momentum=0.8,
        dampening=0.1,
    )
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[3, 7], gamma=0.3)
    weight = torch.tensor([1.0, 0.5, 2.0, 1.0])
    for _ in range(10):
        data = torch.from_numpy(rng.random((8, 1, 12, 12), dtype=np.float32))
        target = torch.from_numpy(rng.integers(0, 4, 8))
        data.requires_grad = True
        F.cross_entropy(model(data), target).backward()
        perturbed = fgsm_attack(data, 0.05, data.grad.data).detach()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(perturbed), target, weight=weight)
        loss.backward()
        step(loss, model)
        optimizer.step()
        scheduler.step()
    state = optimizer.state_dict()
    assert sorted(state) == ["param_groups", "state"]
    finish(model, rates=[group["lr"] for group in optimizer.param_groups])


if __name__ == "__main__":
    main()
