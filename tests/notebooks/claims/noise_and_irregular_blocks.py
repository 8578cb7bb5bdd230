assert regular_share == 0
assert irregular_share > 0.5
assert plain[-1] < 0.85 < 0.95 < through[-1]
assert ratio[-1] > 20
