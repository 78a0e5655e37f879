"""How the command line of a flow ends: its state and message as the last line, and an exit code."""

import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from prefect.exceptions import FailedRun
from prefect.states import State

from flows import server
from lepton.errors import LeptonError


def end(check: Callable[[], object], flow: Callable[[], State[Any]], codes: Mapping[str, int], interrupted: str) -> NoReturn:
    """Runs `flow` on a server of its own where there is none, after `check`, which raises LeptonError at once; codes: by state."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server below ends as well
    try:
        with server.temporary() as ready:
            check()
            ready()
            state = flow()
    except LeptonError as error:
        sys.exit(_last_line("Failed", str(error), codes))
    except KeyboardInterrupt:
        sys.exit(_last_line("Failed", interrupted, codes))
    crashed = state.result(raise_on_failure=False)
    if isinstance(crashed, BaseException) and not isinstance(crashed, FailedRun):
        raise crashed  # a bug: its traceback helps
    sys.exit(_last_line(state.name or "Failed", state.message or "", codes))


def _last_line(name: str, message: str, codes: Mapping[str, int]) -> int:
    print(f"{name}: {message}", file=sys.stderr if codes[name] else sys.stdout, flush=True)
    return codes[name]
