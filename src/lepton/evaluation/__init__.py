"""What sharing gained, and what the answers hang on."""
