"""Asks again where a network has let it down, after a while that grows; whatever else goes wrong does so at once.

Stages are never run again by themselves: equal data, parameters and code fail or are refused in the same way.
"""

import functools
import re
import sys
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from lepton.errors import LeptonError

WAITS = (2.0, 10.0, 50.0)  # seconds
P = ParamSpec("P")
T = TypeVar("T")

# git has one exit code for all that goes wrong, and says the rest in words
PASSES = re.compile(
    r"could not resolve (host|proxy)|temporary failure in name resolution|timed out"
    r"|connection (was )?(reset|refused|closed|aborted)|(failed|could not|couldn't) (to )?connect"
    r"|unexpected disconnect|hung up unexpectedly|early eof|rpc failed|returned error: (429|5\d\d)",
    re.IGNORECASE,
)


class TransferFailed(LeptonError):
    """Files did not go to or come from a remote."""


def patiently(call: Callable[P, T]) -> Callable[P, T]:
    """`call`, which is made again after each of WAITS while it fails for a cause that passes by itself."""

    @functools.wraps(call)
    def again(*arguments: P.args, **options: P.kwargs) -> T:
        for wait in WAITS:
            try:
                return call(*arguments, **options)
            except LeptonError as error:
                if not passes(error):
                    raise
                print(f"warning: {error}; trying again in {wait:g} s.", file=sys.stderr, flush=True)
                time.sleep(wait)
        return call(*arguments, **options)

    return again


def passes(error: LeptonError) -> bool:
    """Is the cause of the kind that is gone after a while?"""
    return isinstance(error, TransferFailed) or PASSES.search(str(error)) is not None
