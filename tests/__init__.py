"""Tests of Connect Portal."""
