"""What the wheel holds; all else about the package stands in pyproject.toml."""

from setuptools import find_packages, setup

# conf/ and scripts/ stand beside mdn/ in a clone, and inside it in the wheel, without benchmarks.
setup(
    packages=[*find_packages(include=["mdn", "mdn.*"]), "mdn.conf"],
    py_modules=[f"mdn.scripts.{command}" for command in ("train", "evaluate", "predict", "export")],
    package_dir={"mdn.conf": "conf", "mdn.scripts": "scripts"},
)
