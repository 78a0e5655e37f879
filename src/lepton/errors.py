"""The two ways in which Lepton says no. Both carry one line: what, where, what to do, and no secret."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def naming(params: str) -> Iterator[None]:
    """Messages, those of the processes that are started too, name the params file that the user gave."""
    before = os.environ.get("LEPTON_PARAMS")
    os.environ["LEPTON_PARAMS"] = params
    try:
        yield
    finally:
        os.environ.pop("LEPTON_PARAMS") if before is None else os.environ.update(LEPTON_PARAMS=before)


def named(text: str) -> str:
    """`text` with that file in the place of params.yaml, as which it stands in the clone that it runs in."""
    given = os.environ.get("LEPTON_PARAMS", "params.yaml")
    return re.sub(r"(?<![\w./-])params\.yaml\b", lambda _: given, text)


def redacted(text: str) -> str:
    """`text` with *** in the place of what a URL holds to log in with: `user:password@`, and keys and tokens behind a `?`."""
    text = re.sub(r"(?<=://)[^/\s'\"]*@", "***@", text)
    return re.sub(r"(?i)([?&][\w-]*(?:key|token|secret|password|sig|signature|credential)=)[^&\s'\"]+", r"\1***", text)


class LeptonError(Exception):
    """A user's mistake or an unmet need; ends the command with its one line and exit code 2."""

    def __init__(self, message: str):
        super().__init__(redacted(named(message)))


class Refusal(LeptonError):
    """The data is unfit to train on. A decision rather than a failure: never retried, exit code 3."""


class Diverged(LeptonError):
    """A loss stopped being a finite number during training; names the task."""
