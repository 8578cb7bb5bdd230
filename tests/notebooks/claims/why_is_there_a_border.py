# 1. All of the fast ones, none of the slow ones, a border at about 0.02.
assert simulated[7.0][0] == 1 and simulated[7.0][-1] == 0
assert 0.017 < measured_borders[7.0] < 0.023
# 2. mu, 1/mu, -1, on both sides of the border; 14 blocks, and thousands for a factor of e.
assert (mu > 1).all() and (blocks_per_e > 4000).all()
assert (abs(mu * inverse - 1) < 1e-6).all() and (abs(flip + 1) < 1e-6).all()
assert simulated and 7 / BLOCK == 14
# 3. The product of boosts is what a simulation does; the first ten blocks make nearly half of it in tenfold steps.
assert np.max(np.abs(measured / peaks - 1)) < 0.03
assert np.log(peaks[9]) > 0.9 * np.log(peaks[-1])
# 4. Ten times smaller weights are not ten times slower, and few meet zero late.
times_to_half = [float(np.interp(0.4, probability, until)) for probability in contact.values()]
assert 1 < times_to_half[1] / times_to_half[0] < 4
assert all(probability[-1] - probability[13] < 0.1 for probability in contact.values())
# 5. Contact only raises Q, through the band to its upper end.
assert largest_fall < 1e-9
assert q[0] < contact_band.low < 0.95 * contact_band.high < q[-1] <= contact_band.high * 1.01
assert abs(math.sqrt(squared[-1]) / arrived - 1) < 0.02
# 6. The border moves with time, as simulated, and less in the end.
assert borders[7.0] < borders[14.0] < borders[70.0] < fold.gates
assert borders[70.0] - borders[14.0] < borders[14.0] - borders[7.0]
assert measured_borders[7.0] < measured_borders[14.0]
assert all(abs(measured_borders[total] / borders[total] - 1) < 0.2 for total in measured_borders)
# 7. What does not move: beyond the fold there is no band.
assert math.isnan(band.low) and math.isnan(band.high)
