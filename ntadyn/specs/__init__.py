"""Plain values that say what is simulated, and the code that builds it: configurations, presets, ensembles.

Names are loaded on first use: configurations can be made and changed without JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
