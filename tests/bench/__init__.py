"""Measurements to run by hand: `python -m tests.bench.catalog`. Ratios within one run count."""
