"""Protections of our source, row by row, each with the replacement that takes it away."""
