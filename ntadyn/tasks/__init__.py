"""What is to be learned: teacher matrices and the order in which they are shown.

`ntadyn.tasks.teachers` makes the teachers, `ntadyn.tasks.composites` adds combinations of them,
`ntadyn.tasks.curricula` says which of them is in force when, and `ntadyn.tasks.named` knows the published schedules.
The two halves meet in one vector: a curriculum yields mixture weights `a (m,)`, and the target map is `sum_m a_m W*^m`.

Names are loaded on first use: `ntadyn.tasks.schedules` and `ntadyn.tasks.sizes` can be asked without JAX.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
