"""The tables of a suite in Markdown, put between two marks of a page."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import isnan
from pathlib import Path
from statistics import median_low

from benchmarks.public.collection import Collection
from benchmarks.public.published import Published, best_of, published
from benchmarks.public.runner import Results
from benchmarks.public.summary import Mean, Summary, summaries
from mdn.data.write import write_text

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
"""Between these a page has what is measured."""

_NOT_SHOWN = ("recipe",)
"""What a contender tells of itself and is not shown, though it is in the files of results."""

_SHOWN = 6
"""Columns of published figures at most, those of the most sets."""


def tables(suite: str, collection: Collection, results: Results) -> str:
    """Return the tables of a suite: scores beside those of others, then calibration and time."""
    by_set, figures = summaries(results), published(suite)
    commits = sorted({result.commit for result in results.values()} - {""})
    where = f" at {', '.join(commits)}" if commits else ""
    return "\n\n".join(
        [
            f"Measured by `python scripts/benchmark.py suite={suite}`{where}.",
            markdown(_scores(by_set, figures, collection)),
            markdown(_details(by_set)),
            verdict(by_set),
        ]
    )


def put_into(page: Path, text: str) -> None:
    """Replace what stands between the marks of a page; make the page where there is none.

    Raises:
        ValueError: on a page without the marks.
    """
    before = page.read_text() if page.exists() else f"# {page.stem}\n\n{BEGIN}\n{END}\n"
    if BEGIN not in before or END not in before:
        raise ValueError(f"{page} has no place for the tables; add lines {BEGIN!r} and {END!r}")
    head, tail = before.split(BEGIN)[0], before.split(END)[-1]
    write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", page)


def markdown(rows: Sequence[dict[str, str]]) -> str:
    """Return rows as a table; a column that a row lacks is empty."""
    columns = list(dict.fromkeys(chain.from_iterable(rows)))
    lines = [columns, ["---"] * len(columns), *[[row.get(c, "") for c in columns] for row in rows]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _scores(
    by_set: dict[str, list[Summary]], figures: list[Published], collection: Collection
) -> list[dict[str, str]]:
    methods = _most_frequent(figures)
    rows = []
    for name, each in by_set.items():
        first = each[0]
        row = {"set": name, "rows": str(first.rows[0]), "splits": str(len(first.results))}
        row[f"{first.contender}, {collection.figure}"] = _text(first.score, collection.sign)
        if collection.grid_points:
            protocol = collection.sign * first.mean("protocol")
            row[f"on {collection.grid_points} points"] = f"{protocol:.3f}"
        row |= _rivals(first, each[1:], collection.sign)
        row |= _others(name, figures, methods, collection.sign)
        rows.append(row)
    return rows


def _rivals(first: Summary, others: Iterable[Summary], sign: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for other in others:
        found[f"{other.contender}, run here"] = _text(other.score, sign)
        found[f"{first.contender} minus {other.contender}"] = _text(first.behind(other), sign)
    return found


def _others(name: str, figures: list[Published], methods: list[str], sign: int) -> dict[str, str]:
    here = {each.method: each.value for each in figures if each.name == name}
    best = best_of(figures, name)
    found = {} if best is None else {"best published": f"{sign * best.value:g} ({best.method})"}
    return found | {method: f"{sign * here[method]:g}" for method in methods if method in here}


def _most_frequent(figures: list[Published]) -> list[str]:
    counting = [each.method for each in figures if each.counts]
    methods = sorted(dict.fromkeys(counting), key=counting.count, reverse=True)
    return methods[:_SHOWN]


def _details(by_set: dict[str, list[Summary]]) -> list[dict[str, str]]:
    return [_detail(summary) for each in by_set.values() for summary in each]


def _detail(summary: Summary) -> dict[str, str]:
    chance = "yes" if summary.pit_within_chance else "no"
    return {
        "set": summary.name,
        "contender": summary.contender,
        "density NLL": f"{summary.mean('nll'):.3f}",
        "median row": f"{summary.mean('median'):.3f}",
        "CRPS": f"{summary.mean('crps'):.4g}",
        "RMSE": f"{summary.mean('rmse'):.4g}",
        "in 90 % intervals": f"{summary.mean('coverage'):.3f}",
        "sqrt(n) PIT distance": f"{summary.pit:.2f}",
        "within chance": chance,
        "seconds a fit": f"{summary.seconds:.1f}",
        "chosen": chosen(summary),
    }


def chosen(summary: Summary) -> str:
    """Return the median of each number that the fits of a contender have chosen."""
    each = [_numbers(result.chosen) for result in summary.results.values()]
    shared = [name for name in each[0] if all(name in numbers for numbers in each)]
    medians = {name: median_low([numbers[name] for numbers in each]) for name in shared}
    return ", ".join(f"{name} {value:.3g}" for name, value in medians.items())


def _numbers(chosen: Mapping[str, object], above: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in chosen.items():
        if isinstance(value, int | float):
            found[f"{above}{name}"] = value
        elif isinstance(value, Mapping) and name not in _NOT_SHOWN:
            found |= _numbers(value, f"{above}{name}.")
    return found


def verdict(by_set: dict[str, list[Summary]]) -> str:
    """Return on how many sets the first contender is calibrated."""
    firsts = [each[0] for each in by_set.values()]
    even = sum(first.pit_within_chance for first in firsts)
    held = [first.mean("coverage") for first in firsts]
    return (
        f"{firsts[0].contender}: PIT within chance on {even} of {len(firsts)} sets; 90 % intervals "
        f"hold {min(held):.3f} to {max(held):.3f} of the rows."
    )


def _text(mean: Mean, sign: int) -> str:
    error = "" if isnan(mean.error) else f" ± {mean.error:.3f}"
    return f"{sign * mean.value:.3f}{error}"
