"""One script per claim: `python -m benchmarks.NAME`. The peer, or the bare limit, and Lepton run interleaved in one process."""
