"""Attacks against the running server: each is refused, and nothing of value is lost by it."""
