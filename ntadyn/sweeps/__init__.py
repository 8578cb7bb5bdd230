"""Many trajectories at once: axes of parameters, tiles on disk that are never lost, labelled results.

Names are loaded on first use: plans can be made without JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
