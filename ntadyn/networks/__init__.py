"""Who learns: Equinox modules that hold gates and weights, and nothing about time."""

from ntadyn.networks.gated import GatedLinear as GatedLinear
from ntadyn.networks.network import AbstractGatedNetwork as AbstractGatedNetwork
from ntadyn.networks.neuron_gated import NeuronGatedLinear as NeuronGatedLinear
