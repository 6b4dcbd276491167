"""22 November 2026, which is read the same way on both sides of the Atlantic."""

DATE_FORMAT = "j F Y"
