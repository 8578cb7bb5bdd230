"""Who learns: Equinox modules that hold gates and weights, and nothing about time."""

from ntadyn.networks.deep import DeepLinear as DeepLinear
from ntadyn.networks.gated import GatedLinear as GatedLinear
from ntadyn.networks.network import (
    AbstractGatedNetwork as AbstractGatedNetwork,
    AbstractPathNetwork as AbstractPathNetwork,
)
from ntadyn.networks.neuron_gated import NeuronGatedLinear as NeuronGatedLinear
