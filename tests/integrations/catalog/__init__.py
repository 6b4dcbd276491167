"""Tests of the provider catalog: what its loader refuses and what the files promise."""
