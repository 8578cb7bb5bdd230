assert succeeded
assert largest_error < 1e-3
# Both systems take the same steps; what is left is rounding, which the instability of small weights amplifies.
assert difference < 1e-9
assert set(own_path) == {0, 1}
# "In the second block one of them touches zero for the first time."
gates, blocks = (np.asarray(values) for values in (trajectory.values["gates"], trajectory.blocks))
assert gates[blocks == 0].min() > 0 >= gates[blocks == 1].min()
assert last < 0.1 < 10 * last < first
