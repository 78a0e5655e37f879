"""Promises of what is set in one place."""

import platform
import resource

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
