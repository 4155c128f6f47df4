"""REINFORCE on a pole that must be balanced; actions are drawn from outside, so that a run can be repeated."""

from collections import deque

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from exchange import finish, start, step
from torch.distributions import Categorical

GAMMA = 0.99


class Pole:
    """A pole on a cart, by Euler steps."""

    def reset(self, rng):
        self.state = rng.uniform(-0.05, 0.05, 4)
        return self.state

    def step(self, action):
        x, v, angle, w = self.state
        force = 10.0 if action == 1 else -10.0
        sin, cos = np.sin(angle), np.cos(angle)
        temp = (force + 0.05 * w * w * sin) / 1.1
        acc = (9.8 * sin - cos * temp) / (0.5 * (4.0 / 3.0 - 0.1 * cos * cos / 1.1))
        x_acc = temp - 0.05 * acc * cos / 1.1
        self.state = np.array([x + 0.02 * v, v + 0.02 * x_acc, angle + 0.02 * w, w + 0.02 * acc])
        return self.state, 1.0, bool(abs(self.state[0]) > 2.4 or abs(self.state[2]) > 0.21)


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.affine1 = nn.Linear(4, 32)
        self.dropout = nn.Dropout(p=0.0)
        self.affine2 = nn.Linear(32, 2)
        self.saved_log_probs, self.rewards = [], []

    def forward(self, x):
        x = F.relu(self.dropout(self.affine1(x)))
        return F.softmax(self.affine2(x), dim=1)


def select_action(policy, state, u):
    state = torch.from_numpy(state).float().unsqueeze(0)
    m = Categorical(policy(state))
    action = (m.probs.cumsum(-1) < u).sum(-1).clamp(max=1)
    policy.saved_log_probs.append(m.log_prob(action))
    return action.item(), m.entropy()


def finish_episode(policy, optimizer):
    eps = np.finfo(np.float32).eps.item()
    total, returns = 0, deque()
    for r in policy.rewards[::-1]:
        total = r + GAMMA * total
        returns.appendleft(total)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)
    policy_loss = [-log_prob * R for log_prob, R in zip(policy.saved_log_probs, returns)]
    optimizer.zero_grad()
    loss = torch.cat(policy_loss).sum()
    loss.backward()
    step(loss, policy)
    optimizer.step()
    del policy.rewards[:]
    del policy.saved_log_probs[:]


def main():
    rng = np.random.default_rng(6)
    env, policy = Pole(), Policy()
    start(policy=policy)
    optimizer = optim.Adam(policy.parameters(), lr=1e-2)
    lengths = []
    for _ in range(10):
        state, over = env.reset(rng), False
        while not over and len(policy.rewards) < 100:
            action, entropy = select_action(policy, state, rng.random())
            state, reward, over = env.step(action)
            policy.rewards.append(reward)
        lengths.append(len(policy.rewards))
        finish_episode(policy, optimizer)
    finish(policy, lengths=lengths, entropy=entropy)


if __name__ == "__main__":
    main()
