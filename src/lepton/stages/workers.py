"""A stage on several processes: those of torchrun, or `compute.processes` of its own on this machine."""

import multiprocessing
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from multiprocessing.process import BaseProcess

from lepton.stages.runner import Stage, main
from lepton.training import distributed

Work = Callable[[Stage], None]


def spread(work: Work) -> Work:
    """`work` on every process; on those but the first it returns when there is nothing more to do together."""

    def together(stage: Stage) -> None:
        with helpers(stage, work), distributed.joined(stage.params.compute):
            work(stage)

    return together


@contextmanager
def helpers(stage: Stage, work: Work) -> Iterator[None]:
    """Starts the other processes, and makes this one their first; nothing under torchrun, which has started all of them."""
    number = stage.params.compute.processes
    if number == 1 or "WORLD_SIZE" in os.environ:
        yield
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    group = {**address, "WORLD_SIZE": str(number), "LOCAL_WORLD_SIZE": str(number), "RANK": "0", "LOCAL_RANK": "0"}
    os.environ.update(group)
    spawn, done = multiprocessing.get_context("spawn"), threading.Event()
    started = [spawn.Process(target=_help, args=(rank, stage.name, work), daemon=True) for rank in range(1, number)]
    try:
        for process in started:
            process.start()
        threading.Thread(target=_watch, args=(stage.name, started, done), daemon=True).start()
        yield
        for process in started:
            process.join()
    finally:
        done.set()
        for process in started:
            process.kill()
        for name in group:
            os.environ.pop(name)


def _watch(name: str, started: Sequence[BaseProcess], done: threading.Event) -> None:
    """Ends this process when a helper has crashed or was killed: what it waits for will not come."""
    left = dict(enumerate(started, 1))
    while left:
        connection.wait([process.sentinel for process in left.values()])
        for rank, code in [(rank, process.exitcode) for rank, process in left.items() if process.exitcode is not None]:
            del left[rank]
            if not done.is_set() and (code == 1 or code < 0):  # others are what this process finds out by itself
                print(f"error: {name}: process {rank} ended with {code}. Look above, or for too little memory.", file=sys.stderr)
                for process in left.values():
                    process.kill()
                os._exit(1)


def _help(rank: int, name: str, work: Work) -> None:
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank))
    main(name, spread(work))
