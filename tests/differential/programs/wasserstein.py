"""A critic with a penalty on the size of its own gradient: derivatives of derivatives, in training."""

import numpy as np
import torch
from exchange import finish, start, step
from torch import autograd, nn, optim


def mlp(inputs, outputs):
    return nn.Sequential(
        nn.Linear(inputs, 24),
        nn.Tanh(),
        nn.Linear(24, 24),
        nn.LayerNorm(24),
        nn.Softplus(),
        nn.Linear(24, outputs, bias=False),
    )


def gradient_penalty(critic, real, fake, alpha):
    interpolates = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    scores = critic(interpolates)
    gradients = autograd.grad(
        outputs=scores,
        inputs=interpolates,
        grad_outputs=torch.ones_like(scores),
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean() * 10


def main():
    rng = np.random.default_rng(11)
    critic, generator = mlp(2, 1), mlp(3, 2)
    start(critic=critic, generator=generator)
    optimizer_c = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.9), amsgrad=True)
    optimizer_g = optim.NAdam(generator.parameters(), lr=1e-3)
    for _ in range(10):
        for p in critic.parameters():
            p.requires_grad_(True)
        angle = torch.from_numpy(rng.random(16).astype(np.float32)) * 6.2831853
        real = torch.stack([angle.cos(), angle.sin()], dim=1)
        fake = generator(torch.from_numpy(rng.standard_normal((16, 3)).astype(np.float32)))
        alpha = torch.from_numpy(rng.random((16, 1)).astype(np.float32)).expand(real.size())
        critic.zero_grad()
        penalty = gradient_penalty(critic, real.data, fake.data, alpha)
        cost = critic(fake.detach()).mean() - critic(real).mean() + penalty
        cost.backward()
        step(cost, critic)
        optimizer_c.step()
        for p in critic.parameters():
            p.requires_grad_(False)
        generator.zero_grad()
        loss = -critic(fake).mean()
        loss.backward()
        step(loss, generator)
        optimizer_g.step()
    finish(critic, generator, penalty=penalty)


if __name__ == "__main__":
    main()
