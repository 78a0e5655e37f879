"""Where drops are found, and where they go."""

import errno
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from laws import one_line
from lepton.ops import drops
from lepton.ops.drops import Drop

SECRET = "s3cr3t-of-the-drop"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEPTON_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def make(base: Path, *names: str) -> None:
    for name in names:
        (base / "incoming" / name).mkdir(parents=True)
        (base / "incoming" / name / "samples.parquet").write_text(name)


def test_drops_come_by_name_and_what_is_still_being_written_is_left_alone(tmp_path: Path) -> None:
    make(tmp_path, "b", "a", ".hidden", "c.tmp", "d.part")
    (tmp_path / "incoming/no table yet").mkdir()
    (tmp_path / "incoming/samples.csv").write_text("")
    assert [drop.name for drop in drops.find("incoming", tmp_path, tmp_path / "scratch")] == ["a", "b"]
    assert drops.find("elsewhere", tmp_path, tmp_path / "scratch") == []


def test_a_place_that_holds_a_table_is_a_drop_itself_and_stays(tmp_path: Path, home: Path) -> None:
    make(tmp_path, ".")
    (drop,) = drops.find("incoming", tmp_path, tmp_path / "scratch")
    drops.consume(drop, "run")
    assert (home / "ingested/run/incoming/samples.parquet").exists()
    assert list((tmp_path / "incoming").iterdir()) == []
    assert drops.find("incoming", tmp_path, tmp_path / "scratch") == []


def test_to_another_file_system_a_drop_goes_whole(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path, "a")
    rename = Path.rename

    def apart(self: Path, target: Path) -> Path:
        if self.name == "a" and home in target.parents:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", apart)
    place = drops.quarantine(Drop(tmp_path / "incoming/a"), "run", "a reason", [])
    assert sorted(file.name for file in place.iterdir()) == ["reason.json", "samples.parquet"]
    assert list((tmp_path / "incoming").iterdir()) == []


def test_a_drop_that_cannot_be_moved_is_one_line(tmp_path: Path, home: Path) -> None:
    make(tmp_path, "a")
    home.write_text("a file where the folder should be")
    one_line(lambda: drops.consume(Drop(tmp_path / "incoming/a"), "run"), "cannot be moved to")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        moved = path == "/moved/samples.parquet"
        known = moved or self.headers.get("Authorization") == f"Bearer {SECRET}"
        self.send_response(302 if moved else 200 if known else 401)
        if moved:
            self.send_header("Location", "/samples.parquet")
        self.send_header("Content-Length", "9" if path == "/short.parquet" else "4")
        self.end_headers()
        self.wfile.write(b"rows")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        worker = threading.Thread(target=server.serve_forever, args=(0.01,))
        worker.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        worker.join()


def test_a_url_is_fetched_with_the_environments_token(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"{url}/samples.parquet"
    one_line(lambda: drops.find(address, tmp_path, tmp_path), "samples.parquet cannot be fetched (Unauthorized)")
    monkeypatch.setenv(drops.TOKEN, SECRET)
    (drop,) = drops.find(address, tmp_path, tmp_path)
    assert (drop.folder / "samples.parquet").read_bytes() == b"rows"
    drops.consume(drop, "run")
    assert not (tmp_path / "home").exists(), "a copy is not kept"
    said = one_line(lambda: drops.find(f"{url}/moved/samples.parquet", tmp_path, tmp_path), "cannot be fetched")
    assert "Unauthorized" in said, "the token is for the host that was named"


def test_what_does_not_come_whole_is_not_taken(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(drops.TOKEN, SECRET)
    one_line(lambda: drops.find(f"{url}/short.parquet", tmp_path, tmp_path), "4 of 9 bytes came")
    assert not (tmp_path / "download/samples.parquet").exists()


def test_no_secret_is_ever_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(drops.TOKEN, SECRET)
    for source in (f"http://me:{SECRET}@127.0.0.1:1/samples.parquet", f"http://127.0.0.1:1/samples.parquet?key={SECRET}"):
        said = one_line(
            lambda source=source: drops.find(source, tmp_path, tmp_path), "ingest.source: http://127.0.0.1:1/samples.parquet"
        )
        assert SECRET not in said


def test_a_file_may_be_named_by_its_url(tmp_path: Path) -> None:
    make(tmp_path, "a")
    (drop,) = drops.find((tmp_path / "incoming/a/samples.parquet").as_uri(), tmp_path, tmp_path / "scratch")
    assert (drop.fetched, (drop.folder / "samples.parquet").read_text()) == (True, "a")
