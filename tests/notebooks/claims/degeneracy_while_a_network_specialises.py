# "Scaling the gates by 1 - s is the same to first order: the loss then rises with s^4".
names = ("gates (1 - s), path (1 + s)", "weights elsewhere")
assert [round(orders[name], 2) for name in names] == [4, 2]
assert max(rises["gates / (1 + s), path (1 + s)"]) < 1e-30
# "Four directions are degenerate"; "All null directions are explained".
assert counts.nullity == 4
assert set(unexplained.values()) == {0}
assert last("flexible", "separation") > 0.9
# "After the first block the contrast knows nothing"; "Three blocks later the same number points the other way".
assert area[0, 0] > 0.7 > 0.65 > area[0, 1]
assert area[3, 0] < 0.5 < 0.8 < area[3, 1]
