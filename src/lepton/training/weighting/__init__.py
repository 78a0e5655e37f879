"""One file per weighting: from the tasks' losses and their Gram matrix alone to the weights of the trunk's gradient."""
