"""A transformer of experts: two of four for each token, an even load, grouped heads, biases of distance, tied weights."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from exchange import finish, start, step
from torch import Tensor, nn


class Expert(nn.Module):
    def __init__(self, d, h):
        super().__init__()
        self.w1 = nn.Linear(d, h, bias=False)
        self.w2 = nn.Linear(h, d, bias=False)
        self.w3 = nn.Linear(d, h, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class MoE(nn.Module):
    def __init__(self, d, h, n, k=2):
        super().__init__()
        self.gate = nn.Linear(d, n, bias=False)
        self.experts = nn.ModuleList(Expert(d, h) for _ in range(n))
        self.k = k
        self.n = n

    def forward(self, x):
        B, T, D = x.shape
        x = x.view(-1, D)
        logits = self.gate(x)
        probs = F.softmax(logits, dim=1, dtype=torch.float32)
        w, sel = torch.topk(probs, self.k, dim=-1)
        w /= w.sum(dim=-1, keepdim=True)
        w = w.to(x.dtype)
        out = torch.zeros((B * T, D), dtype=x.dtype, device=x.device)
        mask = F.one_hot(sel, num_classes=self.n).permute(2, 1, 0)
        for e in range(self.n):
            idx, top = torch.where(mask[e])
            if top.shape[0] == 0:
                continue
            cur = x[None, top].reshape(-1, D)
            out.index_add_(0, top, (self.experts[e](cur) * w[top, idx, None]).to(x.dtype))
        load = mask.sum(1).float().mean(-1)
        aux = self.n * torch.sum(load * probs.mean(0))
        return out.reshape(B, T, D), aux


class Layer(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.n1 = nn.RMSNorm(d, eps=1e-5)
        self.n2 = nn.RMSNorm(d, eps=1e-5)
        self.wq = nn.Linear(d, d, bias=False)
        self.wk = nn.Linear(d, d // 2, bias=False)
        self.wv = nn.Linear(d, d // 2, bias=False)
        self.wo = nn.Linear(d, d, bias=False)
        self.h = heads
        self.moe = MoE(d, 2 * d, 4)
        slopes = torch.tensor([2 ** (-8 * (i + 1) / heads) for i in range(heads)])
        self.register_buffer("slopes", slopes, persistent=False)

    def forward(self, x, mask: Tensor | None = None):
        b, t, d = x.shape
        y = self.n1(x)
        q = self.wq(y).view(b, t, self.h, -1).transpose(1, 2)
        k = self.wk(y).view(b, t, self.h // 2, -1).transpose(1, 2).repeat_interleave(2, dim=1)
        v = self.wv(y).view(b, t, self.h // 2, -1).transpose(1, 2)
        v = v[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1, 2)
        pos = torch.arange(t)
        bias = (pos[None] - pos[:, None]).clamp_max(0)[None] * self.slopes[:, None, None]
        bias = bias.masked_fill(torch.ones(t, t, dtype=torch.bool).triu(1), float("-inf"))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=bias.to(q.dtype))
        x = x + self.wo(o.transpose(1, 2).contiguous().view(b, t, d))
        m, aux = self.moe(self.n2(x))
        return x + m, aux


class LM(nn.Module):
    def __init__(self, v=20, d=16, n=2):
        super().__init__()
        self.emb = nn.Embedding(v, d, padding_idx=0)
        self.layers = nn.ModuleList([Layer(d, 4) for _ in range(n)])
        self.norm = nn.RMSNorm(d)
        self.out = nn.Linear(d, v, bias=False)
        self.out.weight = self.emb.weight
        self.apply(self._init)

    @torch.no_grad()
    def _init(self, m):
        if isinstance(m, nn.Linear):
            nn.init.trunc_normal_(m.weight, std=0.2, a=-0.5, b=0.5)

    def forward(self, x):
        h = self.emb(x) * math.sqrt(16)
        auxes = []
        for layer in self.layers:
            h, a = layer(h)
            auxes.append(a)
        return self.out(self.norm(h)), torch.stack(auxes).mean()


def main():
    rng = np.random.default_rng(2)
    m = LM()
    start(m=m)
    decay = [p for n, p in m.named_parameters() if p.dim() >= 2]
    other = [p for p in m.parameters() if p.dim() < 2]
    opt = torch.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": other, "weight_decay": 0.0}], lr=1e-2, eps=1e-6
    )
    for i in range(10):
        ids = torch.as_tensor(rng.integers(1, 20, (3, 9)), dtype=torch.long)
        logits, aux = m(ids[:, :-1])
        tgt = ids[:, 1:].clone()
        tgt[0, -3:] = -100
        loss = (
            F.cross_entropy(
                logits.reshape(-1, logits.size(-1)), tgt.reshape(-1), ignore_index=-100, label_smoothing=0.1
            )
            + 0.01 * aux
        )
        loss.backward()
        step(loss, m)
        norm = torch.nn.utils.clip_grad_norm_(m.parameters(), 1.0)
        for g in opt.param_groups:
            g["lr"] = 1e-2 * (1 - i / 10)
        opt.step()
        opt.zero_grad()
    finish(m, norm=norm, pred=logits.argmax(-1), perplexity=torch.exp(loss.detach()).item())


if __name__ == "__main__":
    main()
