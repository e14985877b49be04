"""The known values of some targets, which may be columns of the frame that is predicted."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mdn.distributions.numbers import Numbers
from mdn.distributions.target_names import hint

if TYPE_CHECKING:
    Known = Mapping[str, Numbers | str]
else:
    Known = object  # anything may come, and is refused in its own words
"""By the name of a target its value, its value in each row, or a column of the frame."""


def known_values(data: object, known: Known) -> Mapping[str, Numbers]:
    """Return the values of targets as numbers, columns of the frame among them.

    Raises:
        TypeError: on anything but a mapping.
        ValueError: on a column that is not there.
    """
    if not isinstance(known, Mapping):
        raise TypeError(
            "condition takes the values of some targets by their names, as in {'price': 3.2}, got "
            f"a {type(known).__name__}"
        )
    return {
        name: _column(data, value) if isinstance(value, str) else value
        for name, value in known.items()
    }


def _column(data: object, name: str) -> Numbers:
    import narwhals as nw

    frame = nw.from_native(data, pass_through=True)
    if not isinstance(frame, nw.DataFrame):
        raise ValueError(
            f"the values of a target are the column {name!r} of a frame, and the rows are a "
            f"{type(data).__name__}; give numbers"
        )
    columns = {str(label): label for label in frame.columns}
    if name not in columns:
        raise ValueError(
            f"the values of a target are the column {name!r}, which the frame lacks; it has "
            f"{list(columns)!r:.300}{hint(name, columns)}"
        )
    return frame.get_column(columns[name]).to_native()
