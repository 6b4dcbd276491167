"""Where the logos of providers come from, and that each is a small and harmless picture."""
