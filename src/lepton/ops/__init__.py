"""What touches git, DVC and the records: the only room that runs them."""
