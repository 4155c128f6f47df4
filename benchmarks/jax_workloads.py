"""Three workloads for JAX, which has no torch-like namespace: each step is one compiled function, from the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.numbers import LETTERS, Values, images, initial, letters
from benchmarks.work import Work

Tree = dict[str, Any]
Update = Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]


def cross_entropy(scores: Any, y: Any) -> Any:
    """The mean of -log of the probability of the right class."""
    logs = jax.nn.log_softmax(scores.reshape(-1, scores.shape[-1]))
    return -jnp.take_along_axis(logs, y.reshape(-1, 1), 1).mean()


def adam(rate: float, decay: float = 0.0) -> Update:
    """Adam; with a decay of the parameters, AdamW."""

    def update(parameters: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        time = state["time"] + 1
        mean = {k: 0.9 * state["mean"][k] + 0.1 * g for k, g in gradients.items()}
        square = {k: 0.999 * state["square"][k] + 0.001 * g * g for k, g in gradients.items()}
        step, root = rate / (1 - 0.9**time), jnp.sqrt(1 - 0.999**time)
        new = {
            k: p * (1 - rate * decay) - step * mean[k] / (jnp.sqrt(square[k]) / root + 1e-8)
            for k, p in parameters.items()
        }
        return new, {"time": time, "mean": mean, "square": square}

    return update


def momentum(rate: float, keep: float) -> Update:
    """Gradient descent with momentum; a velocity of 0 makes the first one the gradient."""

    def update(parameters: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
        mean = {k: keep * state["mean"][k] + g for k, g in gradients.items()}
        new = {k: p - rate * mean[k] for k, p in parameters.items()}
        return new, {**state, "mean": mean}

    return update


def training(
    shapes: dict[str, tuple[int, ...]],
    model: Callable[[Tree, Any], Any],
    update: Update,
    x: Values,
    y: Values,
) -> Work:
    """Training on one batch; the old parameters' memory may be used for the new ones."""

    def once(parameters: Tree, state: Tree, x: Any, y: Any) -> tuple[Any, Tree, Tree]:
        loss, gradients = jax.value_and_grad(lambda p: cross_entropy(model(p, x), y))(parameters)
        return loss, *update(parameters, gradients, state)

    compiled = jax.jit(once, donate_argnums=(0, 1))
    parameters: Tree = {name: jnp.asarray(values) for name, values in initial(shapes).items()}
    moments = [{name: jnp.zeros_like(p) for name, p in parameters.items()} for _ in range(2)]
    kept = [parameters, {"time": jnp.zeros(()), "mean": moments[0], "square": moments[1]}]
    # Indices of 64 bits are not JAX's way.
    batch = [jnp.asarray(each.astype("int32") if each.dtype.kind == "i" else each) for each in (x, y)]

    def step() -> float:
        loss, *kept[:] = compiled(*kept, *batch)
        return float(loss)

    return Work(step)


def dense(p: Tree, name: str, x: Any) -> Any:
    """A dense layer; weights lie as in PyTorch."""
    made = x @ p[f"{name}.weight"].T
    return made + p[f"{name}.bias"] if f"{name}.bias" in p else made


def shapes_of(layers: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    """A weight and a bias for each layer."""
    made: dict[str, tuple[int, ...]] = {}
    for name, shape in layers.items():
        made |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return made


def mlp() -> Work:
    """Three dense layers."""

    def model(p: Tree, x: Any) -> Any:
        return dense(p, "4", jax.nn.relu(dense(p, "2", jax.nn.relu(dense(p, "0", x)))))

    shapes = shapes_of({"0": (256, 784), "2": (128, 256), "4": (10, 128)})
    return training(shapes, model, adam(1e-3), *images(64, 784))


def convolution(p: Tree, name: str, x: Any, padding: int) -> Any:
    """A convolution, with its bias."""
    made = lax.conv_general_dilated(x, p[f"{name}.weight"], (1, 1), [(padding, padding)] * 2)
    return made + p[f"{name}.bias"][:, None, None]


def pooled(x: Any) -> Any:
    """The largest of each 2 x 2 after what is negative has become 0."""
    return lax.reduce_window(jax.nn.relu(x), -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def lenet() -> Work:
    """Two convolutions and three dense layers."""

    def model(p: Tree, x: Any) -> Any:
        x = pooled(convolution(p, "3", pooled(convolution(p, "0", x, 2)), 0)).reshape(x.shape[0], 400)
        return dense(p, "11", jax.nn.relu(dense(p, "9", jax.nn.relu(dense(p, "7", x)))))

    layers = {"0": (6, 1, 5, 5), "3": (16, 6, 5, 5), "7": (120, 400), "9": (84, 120), "11": (10, 84)}
    return training(shapes_of(layers), model, momentum(0.01, 0.9), *images(64, 1, 28, 28))


def norm(p: Tree, name: str, x: Any) -> Any:
    """Layer norm."""
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred * lax.rsqrt((centred * centred).mean(-1, keepdims=True) + 1e-5)
    return scaled * p[f"{name}.weight"] + p[f"{name}.bias"]


def attention(p: Tree, name: str, x: Any, heads: int) -> Any:
    """Causal attention of several heads."""
    n, t, width = x.shape
    qkv = dense(p, f"{name}.qkv", x).reshape(n, t, 3, heads, width // heads).transpose(2, 0, 3, 1, 4)
    scores = qkv[0] @ qkv[1].swapaxes(-1, -2) / (width // heads) ** 0.5
    weights = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((t, t), bool)), scores, -jnp.inf))
    return dense(p, f"{name}.project", (weights @ qkv[2]).swapaxes(1, 2).reshape(n, t, width))


def gpt(layers: int = 4, heads: int = 4, width: int = 128, longest: int = 64, batch: int = 16) -> Work:
    """A GPT over letters with learned positions."""
    shapes: dict[str, tuple[int, ...]] = {
        "embedding.weight": (LETTERS, width),
        "position_embedding.weight": (longest, width),
    }
    for i in range(layers):
        own = {"norm1": (width,), "attention.qkv": (3 * width, width), "attention.project": (width, width)}
        own |= {"norm2": (width,), "up": (4 * width, width), "down": (width, 4 * width)}
        shapes |= shapes_of({f"layers.{i}.{name}": shape for name, shape in own.items()})
    shapes |= {**shapes_of({"norm": (width,)}), "head.weight": (LETTERS, width)}

    def model(p: Tree, ids: Any) -> Any:
        x = p["embedding.weight"][ids] + p["position_embedding.weight"]
        for name in [f"layers.{i}" for i in range(layers)]:
            x = x + attention(p, f"{name}.attention", norm(p, f"{name}.norm1", x), heads)
            up = jax.nn.gelu(dense(p, f"{name}.up", norm(p, f"{name}.norm2", x)), approximate=False)
            x = x + dense(p, f"{name}.down", up)
        return dense(p, "head", norm(p, "norm", x))

    return training(shapes, model, adam(3e-4, 0.01), *letters(batch, longest))


TABLE = {"mlp": mlp, "lenet": lenet, "gpt": gpt}


def make(ns: Any, name: str, fused: bool = False) -> Work:
    """The work of one workload."""
    return TABLE[name]()
