"""Side-by-side measurements; a suite is one module with `rows(settings)`, named in `SUITES`."""

SUITES = {name: f"mdn.benchmark.{name}" for name in ("likelihood", "loop", "ensemble", "em", "fit")}
"""Where each suite lives; loaded only when asked for."""
