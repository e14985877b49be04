"""Raw tables in two files, with text, gaps and dates; small ones out of fold."""
