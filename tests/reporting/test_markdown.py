import pytest

from lepton.reporting import markdown
from lepton.reporting.blocks import Beside, Cell, Chips, Code, Example, Figure, Items, Missing, Prose, Table, Tile, text

TABLE = Table(("Task", "Gain"), [[text("digit"), Cell("+1.2", "strong")], [text("a|b"), Cell("")]], "Of each task.")


def test_a_table_keeps_its_alignment_and_what_is_strong() -> None:
    assert markdown.text(TABLE).splitlines() == [
        "*Of each task.*",
        "",
        "| Task | Gain |",
        "| --- | --: |",
        "| digit | **+1.2** |",
        r"| a\|b |  |",
    ]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run `dvc repro` <now>", r"run `dvc repro` \<now\>"),
        ("unseen_digit _x_ *y*", r"unseen_digit \_x\_ \*y\*"),
        ("[−1, 1]", r"\[−1, 1\]"),
    ],
)
def test_words_are_no_markup_and_code_stays(words: str, told: str) -> None:
    assert markdown.escape(words) == told


def test_a_figure_leaves_its_numbers_and_its_caption() -> None:
    assert markdown.text(Figure("<svg></svg>", "Gains.")) == "*Gains.*"
    told = markdown.text(Figure("<svg></svg>", "Gains.", numbers=TABLE))
    assert "| digit | **+1.2** |" in told
    assert "svg" not in told


def test_every_other_block() -> None:
    assert markdown.text(Prose("One.")) == "One."
    assert markdown.text(Items(["a", "b"])) == "- a\n- b"
    assert markdown.text(Chips([["a", "b"], ["c"]], "Groups:")) == "Groups:\n\n- a, b\n- c"
    assert markdown.text(Code("x: `1`", "params")).splitlines() == ["**params**", "", "````", "x: `1`", "````"]
    assert "`dvc repro train`" in markdown.text(Missing("artifacts/train/x", "dvc repro train"))
    assert markdown.text(Example("scene-1", [("input", "<svg>")], [], [("tilt", "3")])) == "", "a sample of the data"
    assert "| **Gain** | +1 % | of all |" in markdown.tiles([Tile("Gain", "+1 %", "of all")])


def test_what_stands_side_by_side_follows_each_other() -> None:
    assert list(markdown.leaves([Prose("a"), Beside([TABLE, Beside([Prose("b")])])])) == [Prose("a"), TABLE, Prose("b")]
