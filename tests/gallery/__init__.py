"""Sample screens: every template, its errors, very long values and hostile names."""
