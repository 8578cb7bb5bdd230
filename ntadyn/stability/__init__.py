"""Why the border of a phase map runs where it does: boosts, neutral orbits, and what is left of them at finite time.

- `TeacherPlane`: two paths beside two orthogonal teachers, a cell or a row of a phase map.
- `growth`, `unspecialised_orbit`, `glide_length`: how a small difference of the paths grows, as a product of boosts.
- `contact_band`, `specialised_distance`, `band_fold`: neutral orbits that reach a gate of zero, and where none does.
- `StroboscopicMap`, `Renaming`, `teacher_frame`, `find_periodic`, `multipliers`: orbits of any system.
- `sample`, `follow`, `classify`, `shares`: from which initial states runs end where.
- `contact_probability`, `specialised_probability`, `predicted_border`: what explains figure 5.
- `run_in_plane`: runs of the two paths in the plane of their teachers.
- `hinge_bound`, `first_block`, `needed_hinge`, `negative_probability`, `return_time`: when gates become negative, and
  for how long.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
