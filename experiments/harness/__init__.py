"""Runs experiments of any article or seed: runs, acceptance numbers, results, reports; it knows none of them by name.

An experiment is a module that a package of `experiments` lists. It has PARAMETERS and FAST, which are values,
`runs(parameters)`, what is simulated, `accept(data)`, rows of numbers, and `plot(data)`, a picture; see
`experiments.harness.experiment.Experiment`. What is to be made of it stands beside it as text, see
`experiments.harness.verdicts`. Nothing here imports JAX by itself.
"""
