"""Names of columns that mean something to others: to Hydra, to a shell, to mathtext, to CSV."""

NAMES = [
    *("humidity %", "# of rooms", "a,b", "user@host", "x=1", "10:30", "y*", "{brace", "(open"),
    *("$", "$x^{$", r"$\frac{1}{$", r"\$a$", "a$b$c", "it's", 'a "quote"', " spaced "),
    *("Größe 温度", "0", "a\\"),
]
