assert all(bool(found.result == ntadyn.RESULTS.successful) for found in runs.values())
assert off_the_line < 1e-9
last = {name: np.asarray(found.values["adapted"][-1]) for name, found in runs.items()}
# "A single map trades one task against the other; the networks with several paths ... have lost nothing."
assert all(last[name].mean() > 1.0 for name in ("fine-tuning", "EWC", "replay"))
assert all(last[name].max() < 0.05 for name in ("fast gates", "growing"))
# "... behave as if they forgot".
assert all(runs[name].values["behavioural"][-1].max() > 1.0 for name in ("fast gates", "growing"))
losses = {name: float(np.mean(found[-1])) for name, found in at_the_end.items()}
assert losses["pull to the mean"] < losses["fine-tuning"]
assert abs(losses["pull to the mean"] - losses["EWC"]) < 0.1
