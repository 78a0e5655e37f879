"""A new task from a few samples: one file per method."""
