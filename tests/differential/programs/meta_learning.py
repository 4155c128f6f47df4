"""Learning to learn (MAML): an inner step through functional_call and grad, an outer step through the inner one."""

import numpy as np
import torch
from exchange import finish, start, step
from torch import nn
from torch.func import functional_call, grad


def main():
    rng = np.random.default_rng(12)
    net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 16), nn.SiLU(), nn.Linear(16, 1)).double()
    start(net=net)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)

    def task_loss(params, x, y):
        return nn.functional.mse_loss(functional_call(net, params, (x,)), y)

    for _ in range(10):
        optimizer.zero_grad()
        total = 0.0
        for _ in range(3):
            phase, size = rng.uniform(0, 3.14), rng.uniform(0.1, 5.0)
            x1, x2 = (torch.from_numpy(rng.uniform(-5, 5, (10, 1))) for _ in range(2))
            y1, y2 = (size * torch.sin(x + phase) for x in (x1, x2))
            params = dict(net.named_parameters())
            slopes = grad(task_loss)(params, x1, y1)
            adapted = {name: params[name] - 0.01 * slopes[name] for name in params}
            total = total + task_loss(adapted, x2, y2)
        loss = total / 3
        loss.backward()
        step(loss, net)
        optimizer.step()
    finish(net)


if __name__ == "__main__":
    main()
