"""Simulate how networks learn when their parts learn at different speeds.

Most of what a user needs, all of it loaded on first use, so that importing the package does not import jax:

    simulate        system + curriculum + state -> trajectory with a result code and, if asked for, its errors
    GradientFlow, OrderParameters, DeepOrderParameters, SVDModes, Symmetric, OnlineSGD
                    what learns, in the variables of the network or in fewer ones that close exactly
    GatedLinear, NeuronGatedLinear, DeepLinear
                    networks
    TaskSet, Blocked, Smooth
                    teachers, and which of them is in force when; makers are in `ntadyn.tasks`
    FixedSteps, Adaptive, Splitting, SlidingHeun
                    how time passes, where the default does not suit
    RESULTS         result codes

`ntadyn.sweeps` runs phase diagrams, `ntadyn.specs` holds configurations and presets, `ntadyn.metrics` reads off
trajectories, `ntadyn.maps` off sweeps, `ntadyn.regularizers` has penalties.
"""

import lazy_loader

from ntadyn.version import __version__ as __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
