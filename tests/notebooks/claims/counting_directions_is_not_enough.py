assert found.status == "TRUSTED"
assert abs(found.value - 1.5) < 0.1
# "The estimate refuses to be trusted ... Most are too low, some by many of their own errors."
assert alone.status == "SINGULAR_UNCHECKED"
assert too_low > 8
assert abs(nested.value - exact) < 3.5 * nested.error
# "Counting is right at three of these six kinds of points".
exact = [2, 2, 2, 3, 2, 2]
assert [each.half_rank == value for each, value in zip(zeros, exact, strict=True)].count(True) == 3
assert all(abs(each.value - value) < 0.15 for each, value in zip(zeros[:4], exact, strict=False))
assert all(1.6 < each.value < 1.9 for each in zeros[4:])
# "It does not tell the specialised network from the mixed one."
values = {name: each.value for name, each in networks.items()}
assert all(abs(values[name] - 6) < 0.35 for name in ("specialised", "mixed"))
assert abs(values["forgetful"] - 4) < 0.3
# "The bowl keeps one coefficient over all cutoffs. At the crossing it keeps rising".
bowl, crossing = volumes.values()
assert abs(bowl.plateau.coefficient - 1) < 0.08
assert crossing.at(1e-12)[0] > crossing.at(1e-4)[0]
