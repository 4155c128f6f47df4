"""Super resolution by sub-pixel convolution: four convolutions and a pixel shuffle."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.init as init
from exchange import finish, start, step


class Net(nn.Module):
    def __init__(self, upscale_factor):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(1, 16, (5, 5), (1, 1), (2, 2))
        self.conv2 = nn.Conv2d(16, 16, (3, 3), (1, 1), (1, 1))
        self.conv3 = nn.Conv2d(16, 8, (3, 3), (1, 1), "same")
        self.conv4 = nn.Conv2d(8, upscale_factor**2, (3, 3), (1, 1), (1, 1))
        self.pixel_shuffle = nn.PixelShuffle(upscale_factor)
        self._initialize_weights()

    def _initialize_weights(self):
        init.orthogonal_(self.conv1.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv2.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv3.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.conv4.weight)

    def forward(self, x):
        x = self.relu(self.conv1(x))
        x = self.relu(self.conv2(x))
        x = self.relu(self.conv3(x))
        return self.pixel_shuffle(self.conv4(x))


def main():
    rng = np.random.default_rng(7)
    model = Net(upscale_factor=3)
    start(model=model)
    criterion = nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(10):
        large = torch.from_numpy(rng.random((4, 1, 24, 24), dtype=np.float32))
        small = nn.functional.avg_pool2d(large, 3)
        optimizer.zero_grad()
        loss = criterion(model(small), large)
        step_loss = loss.item()
        loss.backward()
        step(step_loss, model)
        optimizer.step()
    psnr = 10 * torch.log10(1 / loss.detach())
    bicubic = nn.functional.interpolate(small, scale_factor=3, mode="bilinear", align_corners=False)
    finish(model, psnr=psnr, plain=bicubic)


if __name__ == "__main__":
    main()
