"""system + curriculum + method -> trajectory, with a result code and, if asked for, the errors of its numbers."""

import lazy_loader

from ntadyn.interface import observables as observables

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
