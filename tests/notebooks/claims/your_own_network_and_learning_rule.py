# With an exponent of one the rule is the gradient flow, up to steps that overshoot zero.
assert distance < 0.05
adaptation = np.asarray(rules["adaptation"])[:, -1]
assert adaptation[0] > 0.4
assert np.all(adaptation[1:] < 0.1)  # some gating is enough
assert np.all(np.asarray(softmax["adaptation"])[:, -1] > 0.4)

rule = GatedPlasticity(tasks, taus, penalties, jax.numpy.asarray(1.0))


class Uphill(GatedPlasticity):
    def vector_field(self, t, state, task):
        return jax.tree.map(lambda leaf: -leaf, super().vector_field(t, state, task))


# The checks of the lesson notice a rule that breaks a promise.
try:
    check(Uphill(rule.tasks, rule.time_constants, rule.penalties, rule.exponent), network)
    noticed = ""
except AssertionError as refused:
    noticed = str(refused)
assert "the energy rises" in noticed
