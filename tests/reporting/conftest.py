import io
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from synthetic_artifacts import STATES, build

from lepton.reporting.page import render


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LEPTON_HOME", raising=False)
        return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def rendered(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of such a project, made in another folder than `project`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LEPTON_HOME", raising=False)
        root = shutil.copytree(built, tmp_path_factory.mktemp("rendered") / "elsewhere")
        return render(root, run="r1", stages=STATES)


@pytest.fixture
def project(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of a project whose stages have run, with its own .lepton."""
    monkeypatch.delenv("LEPTON_HOME", raising=False)
    return shutil.copytree(built, tmp_path / "project")


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures become empty: for tests of what stands around them, ten times as fast."""

    def savefig(figure: Figure, file: io.StringIO, **_: object) -> None:
        file.write('<svg width="1pt" height="1pt" viewBox="0 0 1 1"></svg>')

    monkeypatch.setattr(Figure, "savefig", savefig)
    monkeypatch.setattr(Figure, "draw_without_rendering", lambda figure: None)
