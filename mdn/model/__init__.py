"""A trained model as a file: what may stand in it, how it is kept whole, and how it is read."""
