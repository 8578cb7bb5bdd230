"""Committee machines: hidden units of erf and one head per task, on single samples and in the limit of many inputs.

Source: Saad and Solla 1995 (Phys. Rev. E 52, 4225); Lee, Goldt and Saxe 2021 (arXiv 2107.04384) for several tasks.
"""

from ntadyn.continual.committee.gaussian_averages import i2 as i2, i3 as i3, i4 as i4
from ntadyn.continual.committee.machine import CommitteeMachine as CommitteeMachine, CommitteeState as CommitteeState
from ntadyn.continual.committee.network import CommitteeNetwork as CommitteeNetwork, CommitteeTasks as CommitteeTasks
from ntadyn.continual.committee.sgd import CommitteeSGD as CommitteeSGD, CommitteeSGDState as CommitteeSGDState
