"""Published numbers of the reduced model of one effective mode, which figures A1 and A16 both run."""

# Time -> gates of both paths then, by an independent integration that agrees with the published image.
GATES = {1: (0.79, 0.42), 2: (1.175, 0.003), 3: (0.79, 0.38), 4: (1.115, 0.0), 5: (0.0, 1.177), 6: (1.10, 0.0)}
