"""What the operator does at a terminal."""
