"""Training models of sequences: tasks and models by name, seeds side by side, files that training goes on from.

    import ntadyn

    spec = dataclasses.replace(ntadyn.training.preset("mqar"), model="hope", steps=400)
    dataset = ntadyn.training.train(spec)

Names are loaded on first use: specs and presets can be made without JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
