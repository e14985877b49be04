"""Rows that stay in their file, and are read again whenever they are needed.

A pass over the file makes the profile, and keeps a sample of the rows. All other passes read row
groups in an order that follows from seed and epoch. No pass keeps more rows than fit into a window.
"""
