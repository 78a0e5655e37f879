"""One file per kind of input: faults, decoding, expectations, augmentation."""
