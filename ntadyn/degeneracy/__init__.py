"""Degeneracy: how large the sets of parameters are that do the same job."""
