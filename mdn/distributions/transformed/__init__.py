"""Mixtures of targets that are learned on another scale, asked on the scale of the user."""
