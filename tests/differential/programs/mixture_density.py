"""A mixture density network: distributions, log-sum-exp, and an average of past weights kept beside training."""

import math

import numpy as np
import torch
from exchange import finish, start, step
from torch import nn
from torch.distributions import Bernoulli, Categorical, Normal, kl_divergence


class Mixture(nn.Module):
    def __init__(self, parts=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, 20), nn.Tanh())
        self.logits, self.mean, self.spread = (nn.Linear(20, parts) for _ in range(3))
        self.coin = nn.Linear(20, 1)
        self.register_buffer("seen", torch.zeros((), dtype=torch.long))

    def forward(self, x):
        h = self.body(x)
        self.seen += len(x)
        spread = nn.functional.softplus(self.spread(h)) + 1e-3
        return (
            Categorical(logits=self.logits(h)),
            Normal(self.mean(h), spread),
            Bernoulli(logits=self.coin(h)),
        )


def nll(categorical, normal, y):
    log_prob = normal.log_prob(y) + torch.log_softmax(categorical.logits, dim=-1)
    return -torch.logsumexp(log_prob, dim=-1).mean()


def main():
    rng = np.random.default_rng(18)
    torch.set_default_dtype(torch.float64)
    model = Mixture()
    start(model=model)
    average = [p.detach().clone() for p in model.parameters()]
    optimizer = torch.optim.Adamax(model.parameters(), lr=0.02)
    for _ in range(10):
        y = torch.from_numpy(rng.uniform(-1, 1, (24, 1)))
        x = y + 0.3 * torch.sin(2 * math.pi * y) + torch.from_numpy(rng.normal(0, 0.05, (24, 1)))
        categorical, normal, coin = model(x)
        prior = Normal(torch.zeros_like(normal.loc), torch.ones_like(normal.scale))
        loss = nll(categorical, normal, y) + 0.01 * kl_divergence(normal, prior).mean()
        loss = loss - 0.01 * categorical.entropy().mean() - coin.log_prob((y > 0).to(x.dtype)).mean()
        optimizer.zero_grad()
        loss.backward()
        step(loss, model)
        optimizer.step()
        with torch.no_grad():
            for kept, p in zip(average, model.parameters()):
                kept.mul_(0.9).add_(p, alpha=0.1)
                kept.lerp_(p, 0.05)
    finish(model, average=torch.cat([kept.reshape(-1) for kept in average]), seen=model.seen)


if __name__ == "__main__":
    main()
