"""Runs experiments of any article or seed: acceptance numbers, results, reports. Nothing here imports JAX by itself."""
