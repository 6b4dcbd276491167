"""The vendor admin's pages."""
