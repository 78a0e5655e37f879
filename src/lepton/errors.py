"""The two ways in which Lepton says no. Both carry one line: what, where, what to do."""


class LeptonError(Exception):
    """A user's mistake or an unmet need; ends the command with its one line and exit code 2."""


class Refusal(LeptonError):
    """The data is unfit to train on. A decision rather than a failure: never retried, exit code 3."""


class Diverged(LeptonError):
    """A loss stopped being a finite number during training; names the task."""
