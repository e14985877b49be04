"""Side-by-side measurements; a suite is one module with `rows(settings)`, named in `SUITES`."""

SUITES = {
    **{name: f"benchmarks.{name}" for name in ("likelihood", "loop", "ensemble", "em", "fit")},
    "density": "benchmarks.density.suite",
}
"""Where each suite lives; loaded only when asked for."""

NEED_DATA = ("density",)
"""Those that measure nothing without a folder of data, and are left out of "all" then."""
