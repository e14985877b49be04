"""How rows are split into those to train on, to validate on and to test on.

By fraction, at random; by a column that names the part; by group, so that rows of one customer or
patient stay together; or by time, the last for the test. Whoever reads the rows keeps, besides
their inputs and targets, one number for each row and each thing that a split goes by: the marks.
"""
