"""Tests of the domain package integrations."""
