# 1. All of the fast ones, none of the slow ones, a border at about 0.02.
assert simulated[7.0][0] == 1
assert simulated[7.0][-1] == 0
assert 0.017 < measured_borders[7.0] < 0.023
# 2. mu, 1/mu, -1, on both sides of the border; 14 blocks, and thousands for a factor of e.
assert (mu > 1).all()
assert (blocks_per_e > 4000).all()
assert (abs(mu * inverse - 1) < 1e-6).all()
assert (abs(flip + 1) < 1e-6).all()
assert 7 / BLOCK == 14
# 3. The product of boosts is what a simulation does; ten blocks do nine tenths of its logarithm.
assert np.max(np.abs(measured / peaks - 1)) < 0.03
assert 0.9 < np.log(peaks[9]) / np.log(peaks[-1]) < 0.95
assert peaks[-1] / peaks[-3] < 1.01
# 4. Ten times smaller weights do not take ten times as long, and few meet zero late.
typical = [float(np.interp(0.4, probability, until)) for probability in contact.values()]
assert 1 < typical[1] / typical[0] < 4
assert all(probability[-1] - probability[13] < 0.1 for probability in contact.values())
# 5. Contact only raises Q, through the band to its upper end.
assert largest_fall < 1e-9
assert q[0] < contact_band.low < 0.95 * contact_band.high < q[-1] <= contact_band.high * 1.01
assert abs(math.sqrt(squared[-1]) / arrived - 1) < 0.02
# 6. The border moves with time, as simulated, and less in the end.
assert borders[7.0] < borders[14.0] < borders[70.0] < fold.gates
assert borders[70.0] - borders[14.0] < borders[14.0] - borders[7.0]
assert measured_borders[7.0] < measured_borders[14.0]
assert (simulated[14.0] >= simulated[7.0]).all()
assert all(abs(measured_borders[total] / borders[total] - 1) < 0.2 for total in measured_borders)
# 7. What does not move: beyond the fold there is no band.
assert math.isnan(band.low)
assert math.isnan(band.high)
