"""Many methods on one stream of tasks, compared fairly: entries, tuning on seeds of their own, one table."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
