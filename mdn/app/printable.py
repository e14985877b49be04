"""Text from files, made harmless to a terminal.

A name in a table or a checkpoint may hold the signs by which programs move the cursor, color text,
or set the title of the window.
"""


def printable(text: str) -> str:
    """Escape the characters of a text that would control a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def printable_lines(text: str) -> str:
    """Escape them in a text of several lines, and leave its line ends."""
    return "\n".join(map(printable, text.split("\n")))
