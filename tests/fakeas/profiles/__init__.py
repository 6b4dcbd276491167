"""The nine providers that the server can be."""
