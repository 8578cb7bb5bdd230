"""What is read off a sweep: borders, regimes, averages and variances over repetitions, summaries, descriptions."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
