"""Probability distributions (`torch.distributions`): draws, log probabilities, entropies, divergences."""

from tinytorch.overlay import overlaid

__path__ = overlaid(__name__, __path__)

from tinytorch.distributions import constraints
from tinytorch.distributions.bernoulli import Bernoulli
from tinytorch.distributions.categorical import Categorical
from tinytorch.distributions.distribution import Distribution
from tinytorch.distributions.independent import Independent
from tinytorch.distributions.kl import kl_divergence, register_kl
from tinytorch.distributions.normal import Normal
from tinytorch.distributions.uniform import Uniform

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Independent",
    "Normal",
    "Uniform",
    "constraints",
    "kl_divergence",
    "register_kl",
]
