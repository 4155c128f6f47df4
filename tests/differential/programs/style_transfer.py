"""A picture that is optimised itself: content at one layer, Gram matrices at others, read by forward hooks."""

import copy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from exchange import finish, start, step


def gram_matrix(input):
    a, b, c, d = input.size()
    features = input.view(a * b, c * d)
    return torch.mm(features, features.t()).div(a * b * c * d)


class Picture(nn.Module):
    def __init__(self, image):
        super().__init__()
        self.image = nn.Parameter(image.clone())


def main():
    rng = np.random.default_rng(15)
    content, style = (torch.from_numpy(rng.random((1, 3, 16, 16), dtype=np.float32)) for _ in range(2))
    features = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, padding_mode="replicate"),
        nn.ReLU(inplace=False),
        nn.AvgPool2d(2),
        nn.Conv2d(8, 12, 3, padding=1, groups=4),
        nn.GroupNorm(3, 12),
        nn.ELU(),
    ).eval()
    start(features=features)
    features = copy.deepcopy(features)
    for parameter in features.parameters():
        parameter.requires_grad_(False)
    seen = {}
    hooks = [
        features[i].register_forward_hook(lambda module, inputs, output, i=i: seen.__setitem__(i, output))
        for i in (1, 3, 5)
    ]
    features(content)
    wanted_content = seen[3].detach()
    features(style)
    wanted_style = {i: gram_matrix(seen[i]).detach() for i in (1, 5)}
    picture = Picture(content)
    optimizer = torch.optim.Adam([picture.image], lr=0.05)
    for _ in range(10):
        with torch.no_grad():
            picture.image.clamp_(0, 1)
        optimizer.zero_grad()
        features(picture.image)
        style_score = sum(F.mse_loss(gram_matrix(seen[i]), wanted_style[i]) for i in (1, 5))
        smooth = (picture.image[..., 1:] - picture.image[..., :-1]).abs().mean()
        loss = 1e3 * style_score + F.mse_loss(seen[3], wanted_content) + 0.1 * smooth
        loss.backward()
        step(loss, picture)
        optimizer.step()
    for hook in hooks:
        hook.remove()
    finish(picture)


if __name__ == "__main__":
    main()
