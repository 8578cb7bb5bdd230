# "The error is the number of other pairs over the size of a key"; "16 pairs ... about as good as ... nothing".
assert abs(float(crosstalk[-1]) - 15 / 16) < 0.05
# "the newest pair is stored exactly ... Hebb's rule answers ... with their sum".
assert np.allclose(of_both["Delta"], (0, 1), atol=1e-12)
assert np.allclose(of_both["Hebbian"], (1, 1), atol=1e-12)
assert np.allclose(left_over, 0.9 ** np.arange(16), atol=1e-12)
# "Answering nothing would give 0.5, and a matrix does no better."
assert late["matrix"] > 0.5 > 100 * late["two layers"]
assert guarded.max() < 3 < 10 < raw.max()
assert learned["HOPE"][-10:].mean() > 2 * learned["HOPE"][:10].mean()
