assert int((dataset.result != 0).sum()) == 0
assert bool(summary.separatrix.any())  # there are rings to speak of
assert float(dataset.alignment_error.max()) < 1e-3
mean = dataset.alignment.mean("seed")
assert float(mean[-1, 0]) > 0.95 > 0.8 > float(mean[-1, -1])
assert own.switch_loss.attrs["long_name"] == "Loss right after the last switch"
fall = own.switch_loss.mean("seed").diff("overlap")
assert bool((fall < 0).all())
# What is left at the end: for fast gates most in between, for slow ones ever less.
left = own.loss.median("seed").values
assert np.all(np.argmax(left[:2], axis=1) == 2)
assert np.all(np.diff(left[2]) < 0)
