"""Inputs that are wrong, odd or hostile, and every door that each of them is brought to."""
