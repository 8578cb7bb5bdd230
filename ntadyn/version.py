"""Which version this is; a module of its own, so that whatever writes results need not import the whole package."""

__version__ = "0.2.0"
