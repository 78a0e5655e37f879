import json
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from synthetic_artifacts import STAGES, STATES, TASKS

from lepton import files
from lepton.errors import LeptonError
from lepton.ops import champion
from lepton.reporting import content
from lepton.reporting.content import SOURCES
from lepton.reporting.page import link, render
from lepton.reporting.sections import SECTIONS

VOID = {"meta", "link", "br", "hr", "img", "input"}
LOADED = {"href", "src", "srcset", "xlink:href", "data", "action", "poster", "formaction"}


class Page(HTMLParser):
    """Every tag's attributes, the visible words of each section, and whether tags close in order."""

    def __init__(self, text: str):
        super().__init__()
        self.text, self.open, self.tags, self.words, self.section = text, [], [], {}, ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        words = self.words.get(self.section, "") + " " + data
        self.words[self.section] = " ".join(words.replace("\N{NO-BREAK SPACE}", " ").split())


@pytest.fixture(scope="module")
def page(rendered: Path) -> Page:
    return Page(rendered.read_text(encoding="utf-8"))


def test_loads_nothing_from_the_network(page: Page) -> None:
    loaded = {value for _, attrs in page.tags for name, value in attrs.items() if name in LOADED}
    assert {value for value in loaded if not value.startswith(("#", "data:"))} == {"card.md"}
    assert not {"script", "iframe", "object", "embed", "base"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\((?!#)|@import|https?:|//[a-z]", re.sub(r"base64,[^\"]*", "", page.text))


def test_ids_are_unique_and_references_resolve(page: Page) -> None:
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    values = [value or "" for _, attrs in page.tags for name, value in attrs.items()]
    wanted = {found for value in values for found in re.findall(r"url\(#([^)]+)\)|^#(.+)$", value)}
    assert {first or second for first, second in wanted} <= set(ids)


def test_same_inputs_same_bytes_in_any_folder(project: Path, rendered: Path) -> None:
    again = render(project, run="r1", stages=STATES)
    assert again.read_bytes() == rendered.read_bytes()
    assert again.with_name("card.md").read_bytes() == rendered.with_name("card.md").read_bytes()


def test_every_section_has_its_content(page: Page) -> None:
    assert list(page.words)[1:] == list(SECTIONS)
    wanted = {
        "": ["44 % of their time", "+3.0 %", "+1.6 to +4.9", "at the same number of samples seen each", "4.8×", "90.3 %", "46 %"],
        "tasks": ["tilt", "mean abs. error, degrees", "▼ −1.0 %", "+4.4 to +12.3"],
        "relatedness": [
            "Gradient affinity",
            "largest sum of gains",
            "digit – objects",
            "± 0.2",
            "correlates by +0.74, good",
        ],
        "sharing": ["level 3", "removed: 2"],
        "training": ["12 epochs", "632 samples per second", "epoch 11"],
        "adaptation": ["Reptile (chosen)", "72.1 % ± 1.4", "14.8 ms", "ridge regression", "the same to the bit"],
        "compression": ["0.75 int8 (chosen)", "✗ no", "tolerance: tilt", "tflite 9.9·10⁻⁶"],
        "examples": ["scene-00003", "8 ✗ (true: 0)", "objects (no label)"],
        "rules": ["fidelity 0.71"],
        "data": ["30 of 3,004 rows hold a box outside", "duplicate of an earlier row", "98.39 %"],
        "prepare": ["4,139", "boxes, masks and tilt turn along", "objects 59 %", "unseen_digit 3, 7, 9"],
        "time": ["3 min 25 s, 44 %", "▶ ran", "= unchanged"],
        "lineage": ["9" * 32, "ab" * 16, "alpha_snap", "not in git"],
    }
    for section, parts in wanted.items():
        for part in parts:
            assert part in page.words[section], f"{section}: {part}"
    assert page.text.count('class="figure"') == 11


def test_what_one_model_costs_stands_beside_its_gain(page: Page) -> None:
    assert "of 5 separate models" in page.words[""]
    assert "multiply-accumulates 45 %" in page.words[""]


def test_measured_values_say_on_which_rows(page: Page) -> None:
    rows = {"tasks": "Test split. Δ", "compression": "Validation split: change of", "adaptation": "rows of new_tasks: accuracy"}
    for section, words in {"": "within its tolerance on the validation split", **rows}.items():
        assert words in page.words[section]
    for words in ("held-out rows of the training split", "linear CKA; validation split", "gradient affinity; training split"):
        assert words in page.words["relatedness"]


def test_each_task_has_its_saliency(page: Page) -> None:
    labels = [attrs.get("aria-label", "") for tag, attrs in page.tags if tag == "svg"]
    assert {label for label in labels if label and "scene-00000" in label and "saliency" in label} == {
        f"scene-00000: {task}, saliency" for task in TASKS
    }


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_artifact_names_its_stage(project: Path, source: str) -> None:
    (project / "artifacts" / SOURCES[source]).unlink()
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert f"dvc repro {SOURCES[source].split('/')[0]}" in page.text


def test_a_project_that_has_not_run_yet(project: Path) -> None:
    for path in ("artifacts", ".lepton", "dvc.lock", "data.dvc", "dvc.yaml"):
        (project / path).rename(project.parent / path)
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "not measured yet" in page.words[""]
    assert "not trained yet" in page.words[""]
    assert "not adapted yet" in page.words[""]
    assert all(f"dvc repro {stage}" in page.text for stage in STAGES if stage != "baseline")


@pytest.mark.usefixtures("undrawn")
def test_an_ensemble_stands_beside_the_model_with_its_cost(page: Page, project: Path) -> None:
    assert "Ensemble" not in page.words["tasks"]
    path = project / "artifacts/evaluate/metrics.json"
    told = files.read_json(path)
    told["tasks"]["digit"]["ensemble"] = 0.947
    names = "model", "seed 1", "champion/4"
    told["ensemble"] = [{"name": name, "parameters": 1000, "macs": 2000 * (at + 1)} for at, name in enumerate(names)]
    files.write_json(path, told)
    words = Page(render(project, run="r1").read_text(encoding="utf-8")).words["tasks"]
    assert "Single-task Multi-task Ensemble Compressed" in words
    assert "0.918 0.936 0.947 0.931" in words
    assert "3 models asked together (model, seed 1, champion/4): 3,000 parameters and 12,000 multiply-accumulates" in words
    assert "an answer, 6.0 times those of the model. Champions answer by the models that they had exported." in words


@pytest.mark.usefixtures("undrawn")
def test_without_new_tasks(project: Path) -> None:
    files.write_json(project / "artifacts/adapt/metrics.json", {"new_tasks": {}, "chosen": None, "forgetting": {}})
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "names no new tasks" in page.words["adaptation"]


@pytest.mark.usefixtures("undrawn")
def test_forgetting_is_told(project: Path) -> None:
    path = project / "artifacts/adapt/metrics.json"
    files.write_json(path, files.read_json(path) | {"forgetting": {"digit": 0.01, "tilt": -0.25}, "unchanged": False})
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "(0: nothing lost): digit 0.0100, tilt −0.250" in page.words["adaptation"]


@pytest.mark.usefixtures("undrawn")
def test_without_pictures_answers_stay_in_words(project: Path) -> None:
    (project / "artifacts/evaluate/examples.npz").unlink()
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "8 ✗ (true: 0)" in page.words["examples"]
    assert 'class="tile"' not in page.text


@pytest.mark.usefixtures("undrawn")
def test_hard_sharing_has_no_degrees(project: Path) -> None:
    files.write_json(project / "artifacts/train/sharing.json", {"sharing": "hard", "levels": 3, "alpha": {}, "snapped": {}})
    assert "Sharing is hard" in Page(render(project, run="r1").read_text(encoding="utf-8")).words["sharing"]


def test_text_from_the_data_stays_text(project: Path) -> None:
    evil = "<script>alert('&')</script>"
    for path, change in {
        "clean/report.json": lambda told: told["dropped"].update({evil: 5}),
        "validate/report.json": lambda told: told["failed"][0].update(fix=evil, column=evil),
        "prepare/summary.json": lambda told: told["augmentation"].append(evil),
        "evaluate/examples.json": lambda told: told[0]["tasks"]["photo"].update(predicted=evil),
        "compress/frontier.json": lambda told: told["candidates"][0].update(name=evil),
        "relate/relatedness.json": lambda told: told.update(json.loads(json.dumps(told).replace('"digit"', json.dumps(evil)))),
    }.items():
        told = json.loads((project / "artifacts" / path).read_text())
        change(told)
        files.write_json(project / "artifacts" / path, told)
    with (project / "params.yaml").open("a") as params:
        params.write(f"# {evil}\n")
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "script" not in {tag for tag, _ in page.tags}
    assert page.text.count("&lt;script&gt;") >= 7


@pytest.mark.usefixtures("undrawn")
def test_the_link_follows_the_latest_run(project: Path) -> None:
    for run in ("r1", "r2"):
        page = render(project, run=run)
        latest = project / "report/latest"
        assert latest.is_symlink()
        assert not os.path.isabs(latest.readlink())
        assert (latest / "index.html").samefile(page)
        assert (latest / "card.md").exists()
    assert (project / ".lepton/reports/r1/index.html").exists()
    assert [path.name for path in (project / "report").iterdir()] == ["latest"]


@pytest.mark.usefixtures("undrawn")
def test_a_run_is_named_by_time_and_key(project: Path) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{8}", render(project).parent.name)


def test_what_is_no_link_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    with pytest.raises(LeptonError, match="Move it away"):
        link(tmp_path / "latest", tmp_path / "run")


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    ("mean", "ci95", "told"),
    [(2.0, [0.5, 3.0], "is better than"), (-2.0, [-3.0, -0.5], "is worse than"), (0.4, [-0.5, 1.0], "is on a par with")],
)
def test_the_verdict_heeds_the_interval(project: Path, mean: float, ci95: list[float], told: str) -> None:
    path = project / "artifacts/evaluate/metrics.json"
    files.write_json(path, files.read_json(path) | {"delta_m": {"mean": mean, "ci95": ci95}})
    words = Page(render(project, run="r1").read_text(encoding="utf-8")).words[""]
    assert told in words
    assert "better on digit, objects and tilt, no clear difference on ink and photo)" in words


def test_the_verdict_says_what_an_average_hides(page: Page) -> None:
    assert "(better on digit, objects and tilt, no clear difference on ink and photo)" in page.words[""]
    assert "median task +2.0 %" in page.words[""]


@pytest.mark.usefixtures("undrawn")
def test_an_unfair_comparison_is_told(project: Path) -> None:
    path = project / "artifacts/baseline/metrics.json"
    files.write_json(path, files.read_json(path) | {"samples_seen": 40_000})
    page = Page(render(project, run="r1").read_text(encoding="utf-8"))
    assert "at 50,304 samples seen against 40,000 each" in page.words[""]


@pytest.mark.usefixtures("undrawn")
def test_the_labels_that_each_task_had_stand_beside_its_gain(project: Path) -> None:
    def words() -> str:
        return Page(render(project, run="r1").read_text(encoding="utf-8")).words["tasks"]

    path = project / "artifacts/evaluate/metrics.json"
    assert "Δ 95 % interval Labels seen" in words()
    assert re.search(r"ink IoU .*? 40 % photo", words())
    assert "had fewer labels than alone" not in words()
    evaluated = files.read_json(path)
    evaluated["tasks"]["ink"]["ci95"] = [-2.1, -0.2]
    files.write_json(path, evaluated)
    assert "Of the tasks whose interval lies below 0, ink had fewer labels than alone." in words()
    older = project / "artifacts/train/metrics.json"
    files.write_json(older, {key: value for key, value in files.read_json(older).items() if key != "labels_seen"})
    assert "Labels seen" not in words()


RULES = [
    {
        "name": "digit",
        "holds": True,
        "says": "digit: +0.10 % [-0.20, +0.40]; the lower end may be -5 %",
        "value": -0.2,
        "bound": -5.0,
    },
    {"name": "mean", "holds": False, "says": "mean of the tasks: -2.00 % [-3.00, -1.00]; at least -1 % is wanted"},
]


def decided(project: Path, **told: object) -> str:
    """The words of the gate's section after a decision on the project's present model."""
    block = "  compress:\n    cmd: x\n    outs:\n    - path: artifacts/compress/model.onnx\n      md5: " + "a" * 32 + "\n"
    (project / "dvc.lock").write_text(f"schema: '2.0'\nstages:\n{block}")
    decision = {"promote": False, "model": "a" * 32, "champion": "champion/3", "rules": RULES} | told
    files.write_json(project / f".lepton/decisions/{decision['model']}.json", decision)
    return Page(render(project, run="r").read_text(encoding="utf-8")).words["gate"]


@pytest.mark.usefixtures("undrawn")
def test_the_gate_says_what_it_decided_and_by_which_rules(project: Path) -> None:
    words = decided(project)
    assert "holds this model back, beside champion/3" in words
    assert f"{RULES[0]['says']} holds" in words
    assert f"{RULES[1]['says']} broken" in words
    assert "lets this model through" in decided(project, promote=True)
    assert "Changes are of the exported model, with their 95 % interval; the bounds" in words
    first = decided(project, champion=None)
    assert "there is no champion yet" in first
    assert "Changes are of the exported model; the bounds" in first


@pytest.mark.usefixtures("undrawn")
def test_a_decision_on_another_model_is_not_this_ones(project: Path) -> None:
    assert "has not decided about this model yet" in decided(project, model="b" * 32)


@pytest.mark.usefixtures("undrawn")
def test_what_has_changed_since_the_champion_stands_at_the_top(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = {"digit": {"metric": "accuracy", "value": 0.125}, "gone": {"metric": "accuracy", "value": 0.5}}
    told = {"at": "2026-01-02 03:04:05", "how": "by hand", "data": "d", "model": "m", "metrics": metrics, "decision": {}}
    monkeypatch.setattr(champion, "current", lambda root: champion.Champion(3, "c" * 40, told))
    monkeypatch.setattr(champion, "since", lambda root, one: [("train.epochs", "2", "3")])
    monkeypatch.setattr(content, "commit", lambda root: ("c" * 40, []))
    assert next(iter(SECTIONS)) == "gate"
    words = decided(project)
    assert "train.epochs 2 3" in words
    evaluated = files.read_json(project / "artifacts/evaluate/metrics.json")["tasks"]["digit"]["compressed"]
    assert f"digit, accuracy 0.125 {evaluated:.3f}" in words
    assert "gone, accuracy 0.5" in words
    assert "in use since 2026-01-02 03:04:05 UTC (by hand)" in words


@pytest.mark.usefixtures("undrawn")
def test_the_newest_comparison_of_new_data_is_shown(project: Path) -> None:
    told = {"of": "tasks.digit", "what": "classes", "name": "labels", "value": 0.3, "limit": 0.1, "p": 1e-9, "drifts": True}
    window = {"name": "incoming", "key": "k", "rows": 120}
    report = {
        "at": "2026-01-02 03:04:05",
        "window": window,
        "snapshot": {"name": "champion/3", "key": "s", "rows": 6000},
        "measures": [told, {**told, "of": "tasks.ink", "value": 0.0, "p": 1.0, "drifts": False}],
        "shapes": [{**told, "edges": [], "classes": ["a", "b"], "reference": [0.5, 0.5], "window": [0.2, 0.8]}],
        "skipped": {"tasks.tilt": "no values in the window"},
        "drifted": ["tasks.digit"],
    }
    assert "No new data has been compared" in Page(render(project, run="r").read_text(encoding="utf-8")).words["drift"]
    files.write_json(project / ".lepton/drift/20260101T000000Z-a/report.json", {**report, "drifted": [], "window": window})
    files.write_json(project / ".lepton/drift/20260102T000000Z-a/report.json", report)
    words = Page(render(project, run="r").read_text(encoding="utf-8")).words["drift"]
    assert "120 rows of incoming beside 6,000 of champion/3: tasks.digit drifts." in words
    assert "tasks.digit: classes label shift 30 % 10 % <0.0001 drifts" in words
    assert "tasks.tilt was not compared: no values in the window" in words
