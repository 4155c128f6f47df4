"""Sine waves foretold by two LSTM cells in double precision, and then from their own predictions."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from exchange import finish, start, step


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm1 = nn.LSTMCell(1, 11)
        self.lstm2 = nn.LSTMCell(11, 11)
        self.linear = nn.Linear(11, 1)

    def forward(self, input, future=0):
        outputs = []
        h_t, c_t, h_t2, c_t2 = (torch.zeros(input.size(0), 11, dtype=torch.double) for _ in range(4))
        for input_t in input.split(1, dim=1):
            h_t, c_t = self.lstm1(input_t, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        for _ in range(future):
            h_t, c_t = self.lstm1(output, (h_t, c_t))
            h_t2, c_t2 = self.lstm2(h_t, (h_t2, c_t2))
            output = self.linear(h_t2)
            outputs += [output]
        return torch.cat(outputs, dim=1)


def main():
    rng = np.random.default_rng(14)
    shifts = rng.integers(-20, 20, 6).reshape(6, 1)
    data = np.sin((np.arange(20) + shifts) / 4.0).astype("float64")
    input, target = torch.from_numpy(data[:4, :-1]), torch.from_numpy(data[:4, 1:])
    seq = Sequence()
    seq.double()
    start(seq=seq)
    criterion = nn.SmoothL1Loss(beta=0.5)
    optimizer = optim.RAdam(seq.parameters(), lr=0.02)
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=1)
    for _ in range(10):
        optimizer.zero_grad()
        loss = criterion(seq(input), target)
        loss.backward()
        step(loss, seq)
        optimizer.step()
        scheduler.step(loss.item())
    with torch.no_grad():
        pred = seq(torch.from_numpy(data[4:, :-1]), future=5)
    finish(seq, pred=pred)


if __name__ == "__main__":
    main()
