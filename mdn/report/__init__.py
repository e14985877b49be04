"""All that can be said about a model on some rows: scores, tables, pictures, and one page."""
