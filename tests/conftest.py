"""Every test's tools keep their state in a temporary folder, say nothing to anyone, and use one thread of each of two processes."""

import gc
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ONE_THREAD = {"adaptation", "relatedness", "training", "stages"}  # rooms of tests
EVERY_SHAPE = {"compression", "evaluation", "sharing"}
HOME = Path(tempfile.mkdtemp(prefix="lepton-tests-"))

# before anything is imported that reads them
for name in [name for name in os.environ if name.startswith(("PREFECT_", "WANDB_", "DVC_", "LEPTON_"))]:
    del os.environ[name]
os.environ.update(LEPTON_HOME=str(HOME), LEPTON_TRACKING="off", OMP_NUM_THREADS="1")
sys.path.insert(0, str(ROOT))

from lepton import environment  # noqa: E402

environment.set_defaults()

import dvc  # noqa: E402, F401  # its log keeps the standard error of this moment, and not that of one test, closed after it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest file first, so that the other process has the rest meanwhile."""
    items.sort(key=lambda item: item.path.parent.name != "pipeline")


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def _process_as_it_was() -> Iterator[None]:
    """A stage keeps what is loaded from the garbage collector, and one that ends with an error silences logging, for the rest of
    its process, which here is that of all tests."""
    yield
    logging.disable(logging.NOTSET)
    gc.unfreeze()


@pytest.fixture(autouse=True, scope="module")
def _tiny_networks(request: pytest.FixtureRequest) -> Iterator[None]:
    """One thread, for more only wait for each other. Without oneDNN, which compiles kernels for each shape anew, where networks of
    every shape run: six times as fast."""
    room = request.path.parent.name
    if room not in ONE_THREAD | EVERY_SHAPE:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about Intel's GPUs, on every change of the flag
        with torch.backends.mkldnn.flags(enabled=False) if room in EVERY_SHAPE else nullcontext():
            yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One temporary server for all flows of the session."""
    from flows import server

    with server.temporary() as ready:
        ready()
        yield


@pytest.fixture(scope="session")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import toy

    return toy.make(tmp_path_factory.mktemp("toy"))


@pytest.fixture(scope="session")
def _finished(_pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import toy

    return toy.finish(_copy(_pristine, tmp_path_factory.mktemp("finished") / "project"))


def _copy(source: Path, root: Path) -> Path:
    shutil.copytree(source, root)
    (root / ".lepton").mkdir(exist_ok=True)
    return root


def _enter(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes `root` the working directory; records and last words stay in it."""
    monkeypatch.chdir(root)
    monkeypatch.setenv("LEPTON_HOME", str(root / ".lepton"))
    return root


@pytest.fixture
def project(_pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy project, fresh and committed."""
    return _enter(_copy(_pristine, tmp_path / "project"), monkeypatch)


@pytest.fixture
def finished(_finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The toy project after a run of all its stages."""
    return _enter(_copy(_finished, tmp_path / "project"), monkeypatch)
