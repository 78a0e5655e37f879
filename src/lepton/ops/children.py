"""Commands that DVC starts for stages, and the processes below them, end with the run that they belong to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

GRACE = 10  # seconds from asking a stage to end to ending it


@contextmanager
def ended(minutes: float) -> Iterator[threading.Event]:
    """A command that DVC started ends with us: DVC does not end it when this process is asked to.

    It also ends after so many minutes; the event tells whether it came to that.
    """
    before, late = set(psutil.Process().children()), threading.Event()

    def end() -> None:
        late.set()
        _end(set(psutil.Process().children()) - before, GRACE)

    timer = threading.Timer(min(60 * minutes, threading.TIMEOUT_MAX), end)
    timer.daemon = True
    timer.start()
    try:
        yield late
    except BaseException:
        if not late.is_set():
            _end(set(psutil.Process().children()) - before, None)
        raise
    finally:
        timer.cancel()


def _end(started: set[psutil.Process], grace: float | None) -> None:
    """Asks these processes and all below them to end; ends those that have not after so many seconds. None: only asks."""
    every = [process for one in started for process in [*_below(one), one]]
    for process in every:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    if grace is not None:
        for process in psutil.wait_procs(every, timeout=grace)[1]:
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _below(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
