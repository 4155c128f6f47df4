"""A variational autoencoder with two hidden layers; the noise comes from outside, so that it can be repeated."""

import numpy as np
import torch
from exchange import finish, start, step
from torch import nn, optim
from torch.nn import functional as F


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 40)
        self.fc21 = nn.Linear(40, 6)
        self.fc22 = nn.Linear(40, 6)
        self.fc3 = nn.Linear(6, 40)
        self.fc4 = nn.Linear(40, 64)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar, noise):
        std = torch.exp(0.5 * logvar)
        eps = torch.empty_like(std).copy_(noise)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x, noise):
        mu, logvar = self.encode(x.view(-1, 64))
        return self.decode(self.reparameterize(mu, logvar, noise)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    bce = F.binary_cross_entropy(recon_x, x.view(-1, 64), reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


def main():
    rng = np.random.default_rng(1)
    model = VAE()
    start(model=model)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(10):
        data = torch.from_numpy(rng.random((16, 1, 8, 8), dtype=np.float32))
        noise = torch.from_numpy(rng.standard_normal((16, 6), dtype=np.float32))
        optimizer.zero_grad()
        recon, mu, logvar = model(data, noise)
        loss = loss_function(recon, data, mu, logvar)
        loss.backward()
        step(loss, model)
        optimizer.step()
    with torch.no_grad():
        sample = model.decode(torch.linspace(-2, 2, 18).reshape(3, 6)).cpu()
    finish(model, sample=sample.view(3, 1, 8, 8))


if __name__ == "__main__":
    main()
