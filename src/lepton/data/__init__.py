"""From raw tables to memory-mapped samples: checks, cleaning, split, balance, augmentation."""
