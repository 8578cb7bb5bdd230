"""Who learns: Equinox modules that hold gates and weights, and nothing about time."""

from ntadyn.networks.deep import DeepLinear as DeepLinear
from ntadyn.networks.gated import GatedLinear as GatedLinear
from ntadyn.networks.gated_paths import (
    AbstractGatedPaths as AbstractGatedPaths,
    GatedMLP as GatedMLP,
    GatedNetwork as GatedNetwork,
)
from ntadyn.networks.gating import (
    AbstractGating as AbstractGating,
    ByPath as ByPath,
    BySoftmax as BySoftmax,
    ByUnit as ByUnit,
)
from ntadyn.networks.network import (
    AbstractGatedNetwork as AbstractGatedNetwork,
    AbstractPathNetwork as AbstractPathNetwork,
)
from ntadyn.networks.neuron_gated import NeuronGatedLinear as NeuronGatedLinear
from ntadyn.networks.paths import (
    AbstractPath as AbstractPath,
    Convolutional as Convolutional,
    Perceptron as Perceptron,
)
