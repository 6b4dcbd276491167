"""What the browser and the vendor talk to. No models, no HTTP to providers."""
