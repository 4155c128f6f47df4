"""A diffusion model: a U-Net that is told the time, group norms, attention over pixels, a running mean of the weights."""

import copy
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, x):
        half = self.dim // 2
        emb = math.log(10000) / (half - 1)
        emb = torch.exp(torch.arange(half, device=x.device) * -emb)
        emb = x[:, None] * emb[None, :]
        return torch.cat((emb.sin(), emb.cos()), dim=-1)


class Block(nn.Module):
    def __init__(self, cin, cout, tdim, groups=4):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(tdim, cout * 2))
        self.norm = nn.GroupNorm(groups, cin)
        self.proj = nn.Conv2d(cin, cout, 3, padding="same")
        self.norm2 = nn.GroupNorm(groups, cout)
        self.proj2 = nn.Conv2d(cout, cout, 3, padding=1)
        self.res = nn.Conv2d(cin, cout, 1) if cin != cout else nn.Identity()

    def forward(self, x, t):
        scale, shift = self.mlp(t)[..., None, None].chunk(2, dim=1)
        h = self.proj(F.silu(self.norm(x)))
        h = self.norm2(h) * (scale + 1) + shift
        return self.proj2(F.silu(h)) + self.res(x)


class Attn(nn.Module):
    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Conv2d(dim, dim * 3, 1, bias=False)
        self.to_out = nn.Conv2d(dim, dim, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = (t.reshape(b, self.heads, c // self.heads, h * w) for t in self.to_qkv(x).chunk(3, dim=1))
        sim = torch.einsum("b h d i, b h d j -> b h i j", q * (c // self.heads) ** -0.5, k)
        attn = (sim - sim.amax(dim=-1, keepdim=True).detach()).softmax(dim=-1)
        out = torch.einsum("b h i j, b h d j -> b h i d", attn, v)
        return self.to_out(out.permute(0, 1, 3, 2).reshape(b, c, h, w)) + x


class Unet(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.time = nn.Sequential(
            SinusoidalPosEmb(dim), nn.Linear(dim, dim * 4), nn.GELU(), nn.Linear(dim * 4, dim * 4)
        )
        self.init = nn.Conv2d(1, dim, 7, padding=3, padding_mode="circular")
        self.d1 = Block(dim, dim, dim * 4)
        self.down = nn.Conv2d(dim, dim * 2, 4, 2, 1)
        self.mid = nn.ModuleDict({"block": Block(dim * 2, dim * 2, dim * 4), "attn": Attn(dim * 2)})
        self.up = nn.Sequential(
            nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(dim * 2, dim, 3, padding=1)
        )
        self.u1 = Block(dim * 2, dim, dim * 4)
        self.final = nn.ConvTranspose2d(dim, 1, 1)

    def forward(self, x, t):
        t = self.time(t)
        x = self.init(x)
        r = x
        x = self.d1(x, t)
        h = x
        x = self.down(x)
        x = self.mid["attn"](self.mid["block"](x, t))
        x = self.up(x)
        return self.final(self.u1(torch.cat((x, h), dim=1), t) + r)


def cosine_beta_schedule(T, s=0.008):
    x = torch.linspace(0, T, T + 1, dtype=torch.float64)
    ac = torch.cos(((x / T) + s) / (1 + s) * math.pi * 0.5) ** 2
    ac = ac / ac[0]
    return torch.clip(1 - (ac[1:] / ac[:-1]), 0, 0.999)


def extract(a, t, shape):
    return a.gather(-1, t).reshape(t.shape[0], *((1,) * (len(shape) - 1)))


def main():
    rng = np.random.default_rng(0)
    net = Unet()
    start(net=net)
    ema = copy.deepcopy(net).eval().requires_grad_(False)
    betas = cosine_beta_schedule(50).float()
    ac = torch.cumprod(1.0 - betas, dim=0)
    snr = ac / (1 - ac)
    opt = torch.optim.Adam(net.parameters(), lr=1e-3, betas=(0.9, 0.99))
    sched = torch.optim.lr_scheduler.SequentialLR(
        opt,
        [
            torch.optim.lr_scheduler.LinearLR(opt, 0.1, total_iters=4),
            torch.optim.lr_scheduler.CosineAnnealingLR(opt, 8),
        ],
        milestones=[4],
    )
    for _ in range(10):
        x0 = torch.from_numpy(rng.standard_normal((4, 1, 8, 8)).astype(np.float32))
        noise = torch.from_numpy(rng.standard_normal((4, 1, 8, 8)).astype(np.float32))
        t = torch.from_numpy(rng.integers(0, 50, 4)).long()
        xt = extract(ac.sqrt(), t, x0.shape) * x0 + extract((1 - ac).sqrt(), t, x0.shape) * noise
        loss = F.smooth_l1_loss(net(xt, t), noise, reduction="none").mean(dim=[1, 2, 3])
        loss = (loss * snr.clamp(max=5)[t] / snr[t]).mean()
        opt.zero_grad(set_to_none=True)
        loss.backward()
        step(loss, net)
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        sched.step()
        with torch.no_grad():
            for e, p in zip(ema.parameters(), net.parameters()):
                e.lerp_(p, 0.1)
    finish(
        net,
        ema,
        lr=np.array(sched.get_last_lr()),
        numel=sum(p.numel() for p in net.parameters() if p.requires_grad),
    )


if __name__ == "__main__":
    main()
