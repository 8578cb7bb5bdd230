assert mean_distance < 5e-4
# A solver of second order, and nothing else, between the simulated curve and the exact one.
assert abs(rms_distance / finer_distance - 4) < 0.2
assert drift.max() < 1e-6
assert float(share.growth_share) > 0.99
assert 0 < float(share.time_share) < 0.9
