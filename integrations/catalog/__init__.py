"""What can be connected: one TOML file per provider, validated at start-up."""
