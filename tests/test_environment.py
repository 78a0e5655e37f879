"""Promises of what is set in one place."""

import os
import platform
import resource
import subprocess
import sys

import pytest

from lepton import environment


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc")
def test_freed_memory_stays_with_the_process() -> None:
    environment.keep_memory()
    size, pages = 8_000_000, 8_000_000 // resource.getpagesize()
    bytearray(size)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        bytearray(size)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before < pages


def test_what_is_loaded_already_stays_out_of_the_garbage_collector() -> None:
    count = "print(gc.get_freeze_count(), len(gc.get_objects()))"
    code = f"import gc, torch; from lepton import environment as e; e.keep_memory(); {count}"
    frozen, left = map(int, subprocess.check_output([sys.executable, "-c", code], text=True).split())
    assert frozen > 100 * left


def test_a_stage_ends_with_the_run_that_it_belongs_to() -> None:
    code = "import time; from lepton import environment as e; e.GLANCE = 0.1; e.end_with_owner(); print(flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as owner:
        variables = {**os.environ, environment.OWNER: str(owner.pid)}
        with subprocess.Popen([sys.executable, "-c", code], env=variables, stdout=subprocess.PIPE) as stage:
            stage.stdout.readline()
            assert stage.poll() is None
            owner.kill()
            assert stage.wait(timeout=20) == 130
