"""Two views of one thing should lie together: triplet, cosine and contrastive losses on a shared network."""

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(2, 8, 5, stride=2, padding=2, padding_mode="circular", bias=False),
            nn.BatchNorm1d(8),
            nn.Hardswish(),
            nn.Conv1d(8, 12, 3, dilation=2),
            nn.PReLU(12),
            nn.AdaptiveMaxPool1d(3),
        )
        self.project = nn.Sequential(nn.Flatten(), nn.Linear(36, 10), nn.Mish(), nn.Linear(10, 6, bias=False))

    def forward(self, x):
        return self.project(self.features(x))


def info_nce(a, b, temperature=0.2):
    a, b = F.normalize(a, dim=-1), F.normalize(b, dim=-1)
    logits = torch.einsum("nd,md->nm", a, b) / temperature
    labels = torch.arange(len(a), device=a.device)
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


def main():
    rng = np.random.default_rng(16)
    encoder = Encoder()
    start(encoder=encoder)
    triplet = nn.TripletMarginLoss(margin=0.7, p=2)
    cosine = nn.CosineEmbeddingLoss(margin=0.1)
    optimizer = torch.optim.AdamW(encoder.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.SequentialLR(
        optimizer,
        [
            torch.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=4),
            torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=6),
        ],
        milestones=[4],
    )
    for _ in range(10):
        base = torch.from_numpy(rng.standard_normal((6, 2, 20)).astype(np.float32))
        near = base + 0.1 * torch.from_numpy(rng.standard_normal((6, 2, 20)).astype(np.float32))
        a, b = encoder(base), encoder(near)
        signs = torch.tensor([1, -1] * 3)
        loss = info_nce(a, b) + triplet(a, b, b.roll(1, dims=0)) + cosine(a, b, signs)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(encoder.parameters(), 0.5)
        step(loss, encoder)
        optimizer.step()
        scheduler.step()
    encoder.eval()
    with torch.no_grad():
        similarity = F.cosine_similarity(encoder(base)[:, None], encoder(near)[None], dim=-1)
    finish(encoder, similarity=similarity, lr=scheduler.get_last_lr())


if __name__ == "__main__":
    main()
