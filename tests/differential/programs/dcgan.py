"""A deep convolutional generative adversarial network: two networks, two optimizers, one against the other."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from exchange import finish, losses, start, step

NZ, NGF, NDF = 10, 8, 8


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Conv") != -1:
        torch.nn.init.normal_(m.weight, 0.0, 0.02)
    elif classname.find("BatchNorm") != -1:
        torch.nn.init.normal_(m.weight, 1.0, 0.02)
        torch.nn.init.zeros_(m.bias)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(NZ, NGF * 2, 4, 1, 0, bias=False),
            nn.BatchNorm2d(NGF * 2),
            nn.ReLU(True),
            nn.ConvTranspose2d(NGF * 2, NGF, 4, 2, 1, bias=False),
            nn.BatchNorm2d(NGF),
            nn.ReLU(True),
            nn.ConvTranspose2d(NGF, 3, 4, 2, 1, bias=False),
            nn.Tanh(),
        )

    def forward(self, input):
        return self.main(input)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(3, NDF, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(NDF, NDF * 2, 4, 2, 1, bias=False),
            nn.BatchNorm2d(NDF * 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(NDF * 2, 1, 4, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)


def main():
    rng = np.random.default_rng(2)
    netg, netd = Generator(), Discriminator()
    netg.apply(weights_init)
    netd.apply(weights_init)
    start(g=netg, d=netd)
    criterion = nn.BCELoss()
    optimizer_d = optim.Adam(netd.parameters(), lr=0.0002, betas=(0.5, 0.999))
    optimizer_g = optim.Adam(netg.parameters(), lr=0.0002, betas=(0.5, 0.999))
    for _ in range(5):
        netd.zero_grad()
        real = torch.from_numpy(rng.random((6, 3, 16, 16), dtype=np.float32) * 2 - 1)
        label = torch.full((6,), 1, dtype=real.dtype)
        real_loss = criterion(netd(real), label)
        real_loss.backward()
        noise = torch.from_numpy(rng.standard_normal((6, NZ, 1, 1), dtype=np.float32))
        fake = netg(noise)
        label.fill_(0)
        fake_loss = criterion(netd(fake.detach()), label)
        fake_loss.backward()
        step(real_loss + fake_loss, netd)
        optimizer_d.step()
        netg.zero_grad()
        label.fill_(1)
        output = netd(fake)
        g_loss = criterion(output, label)
        g_loss.backward()
        step(g_loss, netg)
        optimizer_g.step()
        assert 0.0 <= output.mean().item() <= 1.0
    netg.eval()
    finish(netg, netd, fake=netg(noise), count=len(losses))


if __name__ == "__main__":
    main()
