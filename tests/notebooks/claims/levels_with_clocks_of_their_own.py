# "each of them closes for four blocks and belongs to one context (1.00) ... one task of either context (0.50)"
assert own["slower"] > 0.95
assert abs(own["much faster"] - 0.5) < 0.05
# "more than half of the cost is saved on the return"
assert 0.5 < saved["hierarchy"] < 1.0
assert abs(saved["flat network"]) < 0.05
# "They are one map".
assert float(np.max(np.abs(two - one))) < 1e-12
