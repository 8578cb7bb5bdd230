"""Learning coefficients that are known exactly."""
