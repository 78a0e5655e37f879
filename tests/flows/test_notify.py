"""Who is told how a run ended: the local file always, and Prefect's blocks of real webhooks where there are any."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock

import toy
from flows import notify
from flows import retrain as module
from lepton.blocks import Notify
from lepton.config import load
from lepton.ops import dvc, notices

pytestmark = pytest.mark.usefixtures("prefect_server")


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """What a webhook named custom-webhook/team is sent."""
    got: list[Any] = []

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200 if self.path == "/ok" else 500)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        said = {"subject": "{{subject}}", "body": "{{body}}"}
        for name, path in {"team": "ok", "broken": "secret-path"}.items():
            url = f"http://127.0.0.1:{server.server_port}/{path}"
            block: Any = CustomWebhookNotificationBlock(name=name, url=url, json_data=said)
            block.save(name, overwrite=True)
        yield got
        server.shutdown()


def kept(root: Path) -> list[tuple[str, str]]:
    path = notices.path_of(root)
    lines = path.read_text().splitlines() if path.exists() else []
    return [(told["state"], told["message"]) for told in map(json.loads, lines)]


def test_refused_and_failed_are_kept_and_unchanged_is_not(project: Path, plain_page: None) -> None:
    for epochs, name in ((7, "Refused"), (8, "Failed"), (1, "Completed"), (1, "Unchanged")):
        (project / "params.yaml").write_text(toy.PARAMS.replace("clean: {epochs: 1}", f"clean: {{epochs: {epochs}}}"))
        assert module.retrain("params.yaml", return_state=True).name == name
    assert [state for state, _ in kept(project)] == ["Refused", "Failed"]
    assert kept(project)[0][1] == "first: half of the images cannot be read"


def test_a_run_that_nobody_watches_tells_every_block(project: Path, plain_page: None, heard: list[Any]) -> None:
    toy.set_param(project, "clean: {epochs: 1}", "clean: {epochs: 7}\nnotify: {blocks: [custom-webhook/team]}")
    dvc.add(project, Path("data"))
    toy.commit(project)
    assert module.retrain("params.yaml", clone=True, return_state=True).name == "Refused"
    assert heard == [{"subject": "lepton: Refused", "body": "first: half of the images cannot be read"}]
    assert module.retrain("params.yaml", return_state=True).name == "Refused"
    assert len(heard) == 1, "this one is watched from a terminal"


def test_trouble_with_one_block_is_one_warning_and_the_others_are_told(
    project: Path, heard: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = Notify(blocks=("custom-webhook/broken", "custom-webhook/nobody", "custom-webhook/team"), states=("Failed",))
    assert notify.send(plan, "Failed", "train: no memory", "digits") == 1
    assert notify.send(plan, "Promoted", "now champion/2", "digits") == 0, "not on the list"
    assert heard[-1] == {"subject": "digits: Failed", "body": "train: no memory"}
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(":")[2].strip() for line in lines] == ["custom-webhook/broken", "custom-webhook/nobody"]
    assert "secret-path" not in " ".join(lines)


def test_the_command_line_tells_as_well(project: Path, heard: list[Any]) -> None:
    toy.set_param(project, "clean:", "notify: {blocks: [custom-webhook/team]}\nclean:")
    (project / "flows").symlink_to(Path(module.__file__).parent)
    notices.tell(project, "Rolled back", "champion/3", load().notify)
    assert kept(project) == [("Rolled back", "champion/3")]
    assert heard == [{"subject": "lepton: Rolled back", "body": "champion/3"}]
