"""The names of what a run leaves in its directory."""

METRICS_FILE = "metrics.json"
CONFIG_FILE = "config.yaml"
ERROR_FILE = "error.txt"
SWEEP_FILE = "sweep.csv"
REGRET_FILE = "regret.csv"
FIGURES = "figures"
REPORT_FILE = "report.html"
