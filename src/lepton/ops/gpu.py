"""One run at a time on this machine's GPUs: two trainings would share their memory, and one of them would run out of it.

The lock is the operating system's: free the moment that its holder is gone, however it went. A limit of Prefect's would stay taken
after a kill until a server that lasts has given it back, and `make run` has none.
"""

import getpass
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lepton.blocks import Compute

DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # CUDA, ROCm, WSL; asking torch would take seconds


@contextmanager
def alone(compute: Compute) -> Iterator[None]:
    """Waits until no other run of this user has the GPUs, where there are any and `compute` does not leave them alone."""
    if compute.device == "cpu" or not any(Path(driver).exists() for driver in DRIVERS):
        yield
        return
    lock = FileLock(Path(tempfile.gettempdir()) / f"lepton-gpu-{getpass.getuser()}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("waiting for the GPU, which another run has …", flush=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
