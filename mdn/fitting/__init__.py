"""How the numbers of a mixture are found: starts, objectives, EM, resets."""
