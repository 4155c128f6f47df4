"""A vision transformer: patches by a strided convolution, a class token, encoder layers that normalise first."""

import math

import numpy as np
import torch
import torch.nn as nn
from exchange import finish, start, step


class ViT(nn.Module):
    def __init__(self, image=16, patch=4, dim=24, depth=2, heads=3, classes=5):
        super().__init__()
        self.patches = nn.Conv2d(3, dim, kernel_size=patch, stride=patch)
        count = (image // patch) ** 2
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.randn(1, count + 1, dim) * 0.02)
        layer = nn.TransformerEncoderLayer(
            dim, heads, dim_feedforward=48, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, depth, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)
        nn.init.trunc_normal_(self.cls_token, std=0.02)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        cls = self.cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat((cls, x), dim=1) + self.pos_embed
        return self.head(self.norm(self.encoder(x))[:, 0])


def main():
    rng = np.random.default_rng(4)
    model = ViT()
    start(model=model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, eps=1e-4, weight_decay=0.05)
    warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min(1.0, (s + 1) / 4))
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for _ in range(10):
        x = torch.from_numpy(rng.standard_normal((8, 3, 16, 16)).astype("float32"))
        y = torch.from_numpy(rng.integers(0, 5, 8))
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
        assert not math.isnan(norm)
        step(loss, model)
        optimizer.step()
        warmup.step()
    finish(model, lr=optimizer.param_groups[0]["lr"])


if __name__ == "__main__":
    main()
