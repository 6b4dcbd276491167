"""OAuth over HTTP: requests out, answers in. No Django, no database."""
