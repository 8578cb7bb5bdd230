"""Samplers of the law around a point, on BlackJAX.

- `MALA`: Langevin steps with a test; the one to take where a point is mostly regular.
- `NUTS`: Hamiltonian trajectories, for a second look, and for curved valleys.
- `SGLD`, `RMSPropSGLD`: Langevin steps without a test, on batches or not, as in the literature; biased by their steps.
- `SGHMC`: experimental.

All make local moves, and share what local moves cannot do: where the loss vanishes along arms that are long and thin,
they stay where the arms meet while every diagnostic looks well. `NestedSlices` has another way of going there.
"""

from ntadyn.degeneracy.samplers.batches import Feed as Feed
from ntadyn.degeneracy.samplers.langevin import SGHMC as SGHMC, SGLD as SGLD, RMSPropSGLD as RMSPropSGLD
from ntadyn.degeneracy.samplers.mala import MALA as MALA
from ntadyn.degeneracy.samplers.nuts import NUTS as NUTS
from ntadyn.degeneracy.samplers.sampler import AbstractSampler as AbstractSampler, Draws as Draws
