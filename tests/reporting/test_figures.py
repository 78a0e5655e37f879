"""Figures keep their promises at the edges: one task or many, one epoch, nothing known, names that are markup."""

import base64
import io
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lepton.reporting.figures import curves, drift, heatmaps, pictures, results, style

MANY = [f"a_rather_long_task_{number}" for number in range(12)]
ONCE = {"1": {"scratch": {"mean": 0.5, "ci95": [0.4, 0.6]}}}
LOPSIDED = {
    name: {"delta_percent": delta, "ci95": [delta - 1, delta + 1]} for name, delta in zip("abc", (250.0, 2.0, -3.0), strict=True)
}
FAR = [
    {"name": name, "bytes": 900, "relative": {"digit": low}, "within_tolerance": False, "ms": 1.0}
    for name, low in (("a", -0.01), ("b", -2.5))
]
NASTY = ["<b>", "$x_1$", 'a"b&c']
MEASURE = {"of": "tasks.digit", "what": "classes", "name": "labels", "value": 0.3, "limit": 0.1, "p": 0.0, "drifts": True}
SHAPE = {"of": "tasks.digit", "what": "classes", "edges": [], "classes": NASTY, "reference": [0.5, 0.3, 0.2], "window": [0, 0, 1]}


def matrix(count: int) -> list[list[float | None]]:
    return [[1.0 if row == column else (row - column) / count for column in range(count)] for row in range(count)]


def frontier(names: list[str]) -> str:
    told = [{"name": name, "bytes": 5000, "relative": {"digit": -0.01}, "within_tolerance": True, "ms": None} for name in names]
    return results.frontier(told, names[0], {"digit": 0.02, "ink": 0.05})


DRAWN = {
    "one task": lambda: heatmaps.relatedness(["digit"], {"cosine": [[1.0]]}),
    "many tasks": lambda: heatmaps.relatedness(MANY, {"cosine": matrix(12), "pearson": matrix(12)}),
    "unknown": lambda: heatmaps.relatedness(["a", "b"], {"gradient": [[1.0, None], [None, 1.0]]}),
    "predicted gains": lambda: heatmaps.gains(["a", "b"], [[0.0, 2.5], [None, 0.0]]),
    "no predicted gains": lambda: heatmaps.gains(["a", "b"], [[0.0, 0.0], [0.0, 0.0]]),
    "predicted gains of many": lambda: heatmaps.gains(MANY, matrix(12)),
    "nasty relatedness": lambda: heatmaps.relatedness(NASTY, {"cosine": matrix(3)}),
    "affinity over epochs": lambda: heatmaps.affinity(["a", "b"], {1: [matrix(2)] * 3, 9: [matrix(2)] * 3}),
    "affinity of many": lambda: heatmaps.affinity(MANY, {1: [matrix(12)] * 2}),
    "degrees": lambda: heatmaps.sharing_degrees({name: [0.0, 1.0] for name in NASTY}, {"<b>": [True, True]}),
    "one epoch": lambda: curves.losses([1], {"digit": [2.0]}, {"digit": [1.0]}),
    "loss unknown": lambda: curves.losses([1, 2], {"digit": [None, 2.0], "ink": [None, None]}, {}),
    "loss of zero": lambda: curves.losses([1, 2], {"digit": [0.0, 0.0], "ink": [1.0, 0.5]}, {}),
    "many losses": lambda: curves.losses([1, 2], {name: [1.0, 0.5] for name in MANY}, {name: [1.0, 1.5] for name in MANY}),
    "validation": lambda: curves.validation([1, 2], {name: ("ap50", [0.1, None]) for name in MANY}, 2),
    "validation, no best": lambda: curves.validation([1], {"digit": ("accuracy", [0.5])}, None),
    "movement": lambda: curves.sharing_movement([1, 2], {name: {1: [0.5, 1.0]} for name in NASTY}),
    "one shot": lambda: curves.adaptation({"$new$": {"1": {"<m>": {"mean": 0.5}}}}, "<m>"),
    "two new tasks": lambda: curves.adaptation({"a": ONCE, "b": ONCE}, None),
    "gains": lambda: results.gains({"<b>": {"delta_percent": None}, "b": {"delta_percent": -1.0}}, {}, None),
    "frontier": lambda: frontier(["one"]),
    "crowded frontier": lambda: frontier([*NASTY, "same", "place"]),
    "one task dwarfs the rest": lambda: results.gains(LOPSIDED, {"a": 240.0}, {"mean": 60.0, "ci95": [50.0, 70.0]}),
    "far outside the tolerance": lambda: results.frontier(FAR, "a", {"digit": 0.02, "ink": 0.05}),
    "no tolerance at all": lambda: results.frontier(FAR, "a", {"digit": 0.0}),
    "drift": lambda: drift.summary([MEASURE | {"what": name} for name in NASTY]),
    "nothing drifts": lambda: drift.summary([MEASURE | {"value": 0.0, "drifts": False}]),
    "drift of classes": lambda: drift.overlay(SHAPE, 0),
    "drift of a number": lambda: drift.overlay({**SHAPE, "edges": [0, 1, 2, 3], "classes": []}, 1),
    "times": lambda: results.stage_times({"train": 1.0, "adapt": None}),
}


@pytest.mark.parametrize("name", DRAWN)
def test_is_one_well_formed_svg_in_the_pages_colours(name: str) -> None:
    svg = DRAWN[name]()
    root = ElementTree.parse(io.StringIO(svg.replace("xlink:href", "href"))).getroot()
    assert root.tag == "svg"
    assert root.get("aria-label")
    assert "http" not in svg
    assert "<b>" not in svg
    colours = set(re.findall(r"#[0-9a-f]{6}\b", svg))
    assert not colours, f"not a variable of the page: {colours}"


def test_same_values_same_bytes() -> None:
    assert DRAWN["many losses"]() == DRAWN["many losses"]()


def test_figures_of_a_page_share_no_ids() -> None:
    ids = [
        found
        for name in ("one task", "one epoch", "frontier", "movement", "drift", "drift of classes", "drift of a number")
        for found in re.findall(r'\bid="([^"]+)"', DRAWN[name]())
    ]
    assert len(ids) == len(set(ids))


def test_a_figure_stands_alone_as_an_image() -> None:
    kind, _, content = style.standalone(DRAWN["drift"]()).partition(",")
    assert kind == "data:image/svg+xml;base64"
    text = base64.b64decode(content).decode()
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert "var(" not in text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.2))
def test_spread_keeps_order_gap_and_bounds(places: list[float], gap: float) -> None:
    moved = style.spread(places, gap, 0.0, 1.0)
    gap = min(gap, 1 / max(len(places) - 1, 1))
    assert all(high - low > gap - 1e-9 for low, high in pairwise(sorted(moved)))
    assert min(moved) > -1e-9
    assert max(moved) < 1 + 1e-9
    assert sorted(range(len(places)), key=lambda at: (places[at], at)) == sorted(range(len(places)), key=moved.__getitem__)


def test_spread_leaves_alone_what_is_apart() -> None:
    assert style.spread([0.9, 0.1, 0.5], 0.1, 0, 1) == pytest.approx([0.9, 0.1, 0.5])


def test_a_task_that_dwarfs_the_rest_leaves_them_room() -> None:
    cut = DRAWN["one task dwarfs the rest"]()
    assert "+250.0" in cut
    assert not re.search(r">\+[12]\d\d<", cut), "the axis follows the largest bar"


def test_outline_runs_along_the_edges_of_a_mask() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[1:3, 1:4] = 1
    steps = set(re.findall(r"M\d+ \d+[hv]\d+", pictures.outline(mask, "truth")))
    assert steps == {"M1 1h3", "M1 3h3", "M1 1v2", "M4 1v2"}


def test_faint_boxes_are_left_out() -> None:
    box = {"label": "<i>", "x": 1, "y": 2, "w": 3, "h": 4}
    assert pictures.boxes([{**box, "score": 0.1}], "predicted", (40, 40)) == ""
    drawn = pictures.boxes([{**box, "score": 0.9}], "predicted", (40, 40))
    assert "&lt;i&gt;" in drawn
    assert drawn.count("<rect") == 1


@pytest.mark.parametrize("colours", [1, 3])
def test_saliency_of_nothing_is_a_grey_picture(colours: int) -> None:
    picture = np.full((5, 6, colours), 200, np.uint8)
    assert np.ptp(pictures.heat(picture, np.zeros((5, 6)))) == 0
    assert "data:image/png" in pictures.tile(picture)


@pytest.mark.parametrize(
    ("kind", "truth", "predicted", "told"),
    [
        ("classification", 4, 4, "4 ✓"),
        ("classification", "china", "flower", "flower ✗ (true: china)"),
        ("classification", None, 0, "0 (no label)"),
        ("regression", -10.0, -12.34, "−12.3 cm (true: −10.0, off by 2.3)"),
        ("regression", None, 3, "3.0 cm (no label)"),
        ("detection", [], [], ""),
        ("ordinal", "fair", "bad", "bad ✗ (true: fair)"),
        ("multilabel", ["cat", "dog"], ["cat", "dog"], "cat, dog ✓"),
        ("multilabel", [], ["dog"], "dog ✗ (true: none)"),
        ("multilabel", None, [], "none (no label)"),
    ],
)
def test_answers_in_words(kind: str, truth: object, predicted: object, told: str) -> None:
    words = pictures.wording(kind, {"truth": truth, "predicted": predicted}, "cm", 80.0)
    assert words.replace("\N{NO-BREAK SPACE}", " ") == told
