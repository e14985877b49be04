"""What one asks of a Gaussian mixture: one group of questions a file."""
