"""One run at a time on a machine's GPUs."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from lepton.blocks import Compute
from lepton.ops import gpu

HOLDS = """
import sys, tempfile, time
from lepton.blocks import Compute
from lepton.ops import gpu
gpu.DRIVERS = sys.argv[2:]
tempfile.tempdir = sys.argv[1]
with gpu.alone(Compute()):
    print("has it", flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def _a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "driver").touch()
    monkeypatch.setattr(gpu, "DRIVERS", (str(tmp_path / "driver"),))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_the_second_waits_until_the_first_is_gone_however_it_went(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", HOLDS, str(tmp_path), str(tmp_path / "driver")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout
        assert first.stdout.readline() == "has it\n"
        threading.Timer(0.3, os.kill, (first.pid, signal.SIGKILL)).start()
        with gpu.alone(Compute()):
            assert first.wait() == -signal.SIGKILL
    assert capsys.readouterr().out == "waiting for the GPU, which another run has …\n"


def test_who_takes_the_cpu_waits_for_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with gpu.alone(Compute()), gpu.alone(Compute(device="cpu")):
        assert list(tmp_path.glob("lepton-gpu-*"))
    monkeypatch.setattr(gpu, "DRIVERS", ())
    with gpu.alone(Compute()), gpu.alone(Compute()):
        pass
