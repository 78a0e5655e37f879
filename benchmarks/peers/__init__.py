"""What Lepton is measured against, one file per peer."""
