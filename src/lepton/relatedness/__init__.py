"""Which tasks should share: similarity of features, gradient affinity, groups."""
