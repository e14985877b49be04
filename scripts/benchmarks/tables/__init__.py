"""Raw tables, with text, gaps and dates: the default recipe beside CatBoost's one Gaussian."""
