"""What the tests need of npm, pinned, from Node in the PATH or from a wheel. Nothing is served."""
