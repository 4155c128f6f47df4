"""What every program here shares: starting weights that come from a file, and results that go to one.

`python program.py START RESULT`: where START is not there yet, the program's own first weights are written
to it; where it is, the program begins with what stands in it. So two frameworks begin at the same place.
"""

import os
import sys

import numpy as np
import torch

torch.manual_seed(1)  # the same first weights in every run
torch.set_default_dtype(torch.float32)
losses = []
gradients = {}


def start(**modules):
    """Give the modules (or lists of tensors) the weights of the file, or write theirs there."""
    path = sys.argv[1]
    named = {
        f"{name}.{key}": value
        for name, module in modules.items()
        for key, value in (module.state_dict() if hasattr(module, "state_dict") else module).items()
    }
    if os.path.exists(path):
        with np.load(path) as file:
            assert sorted(file.files) == sorted(named), sorted(set(file.files) ^ set(named))
            with torch.no_grad():
                for key, value in named.items():
                    value.copy_(torch.from_numpy(file[key]))
    else:
        np.savez(path, **{key: value.detach().numpy() for key, value in named.items()})


def step(loss, module):
    """Remember a loss and the gradients that belong to it, before the optimizer changes anything."""
    losses.append(loss.item() if isinstance(loss, torch.Tensor) else loss)
    for name, parameter in module.named_parameters():
        if parameter.grad is not None:
            gradients[f"{len(losses)} {name}"] = parameter.grad.detach().clone().numpy()


def finish(*modules, **more):
    """Write down losses, gradients, and all parameters and buffers as they are at the end."""
    kept = {f"gradient {key}": value for key, value in gradients.items()}
    for number, module in enumerate(modules):
        for key, value in module.state_dict().items():
            kept[f"after {number} {key}"] = value.detach().numpy()
    for key, value in more.items():
        kept[f"result {key}"] = (
            value.detach().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        )
    np.savez(sys.argv[2], losses=np.array(losses), **kept)
    print(f"{torch.__name__}: first loss {losses[0]:.5f}, last {losses[-1]:.5f}")
