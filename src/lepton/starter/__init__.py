"""Data sets to begin with, made from what scikit-learn brings along, the same bytes on every run and machine."""
