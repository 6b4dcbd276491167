"""A strict, scriptable OAuth 2.0 authorization server that plays the outside world."""
