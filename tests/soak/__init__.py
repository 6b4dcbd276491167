"""Long runs of the token engine with real processes, real kills and a real server."""
