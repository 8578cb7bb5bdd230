assert shared == (0, 9)
assert back["flexible"] > 0.7 > 0.4 > back["forgetful"]
assert swings(collapsed) < 0.2 < 0.6 < swings(cured)
