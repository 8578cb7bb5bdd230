"""Stub until the branch `volume` is merged."""


class NestedSlices: ...
