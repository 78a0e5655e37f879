from pathlib import Path
from typing import Any

import pytest

from lepton.reporting import page


@pytest.fixture
def plain_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is only a file: the toy has nothing to show."""

    def render(root: Path, *_: Any) -> Path:
        shown = root / "report/latest/index.html"
        shown.parent.mkdir(parents=True, exist_ok=True)
        shown.write_text("page")
        return shown

    monkeypatch.setattr(page, "render", render)
