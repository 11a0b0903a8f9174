"""Results show themselves: ten lines in a terminal, and in a notebook a part that leaves the rest of it alone."""

import io
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

import heedful
from heedful import results
from heedful.api.train import run
from heedful.cli import tree
from heedful.results import Alignment, Answer, Bin, Comparison, Finding, Findings, Result, Scores, Track
from heedful.tasks.joins import allowed
from heedful.training.progress import Quiet
from support.browser import open_page
from support.synthetic_results import (
    ARABIC,
    BREAKING,
    LONG,
    class_scores,
    comparison,
    hostile_alignment,
    hostile_comparison,
    hostile_explanation,
    labelled_comparison,
    make_scores,
    png,
    scores,
    step_cases,
)
from support.tiny_tasks import TASKS, recipe, write_data

LINES, WIDTH = 10, 120
BODY_COLOUR = "rgb(1, 2, 3)"


def every_result() -> dict[str, Result]:
    lines = tuple(f"pairs.tsv line {number}" for number in range(50))
    findings = Findings(
        BREAKING,
        ARABIC,
        (Finding("x", BREAKING, 50, lines), *(Finding("!", LONG, 9, lines[:3]) for _ in range(20))),
        {"source words": (Bin(1, 3, 10, 0), Bin(4, 9, 2, 0))},
        {BREAKING: (("red.png", png((200, 0, 0))),)},
    )
    track = Track(("cat", BREAKING, LONG), ("cat",), ((0.7, 0.2, 0.1),))
    steps = Track(("a", "b"), ("a", "b", "a"), ((0.7, 0.3),) * 3)
    return {
        "scores": scores(5, (BREAKING, ARABIC, LONG)),
        "scores of classes": class_scores(),
        "scores of steps": make_scores("accuracy", step_cases()),
        "comparison": comparison(),
        "hostile comparison": hostile_comparison(),
        "comparison of steps": labelled_comparison(),
        "findings": findings,
        "no findings": Findings("pairs", "3 pairs", ()),
        "alignment": hostile_alignment(),
        "long alignment": Alignment(("a",) * 300, ("b",) * 300, {"decoder.attention": [[1 / 300] * 300] * 300}),
        "no alignment": Alignment(("a",), ("b",), {}),
        "explanation": hostile_explanation(),
        "answer": Answer(BREAKING, LONG * 100, -1.5, -1.0, complete=False, unknown=(BREAKING,)),
        "class": Answer("cat.png", "cat", -0.3, -0.3, track=track),
        "labels": Answer("clip.mp4", "a\tb\ta", -0.3, -0.3, track=steps),
        "drawing": Answer("a red bar", "", 0.0, 0.0, picture=png((200, 0, 0)) * 1000),
    }


JUPYTER = """
    .jp table { color: rgb(1, 200, 3); table-layout: fixed }
    :not(.md).jp td, :not(.md).jp tr { text-align: right; white-space: normal }
    .jp tbody tr:nth-child(odd), .jp tbody tr:nth-child(even) { background: rgb(1, 2, 3) }
"""
"""What Jupyter's style says of tables in outputs, as loudly."""


@pytest.mark.parametrize("name", every_result())
def test_a_result_prints_in_ten_lines(name: str) -> None:
    result = every_result()[name]
    assert isinstance(result, Result) and str(result) == repr(result)
    lines = repr(result).split("\n")
    assert 0 < len(lines) <= LINES and max(map(len, lines)) <= WIDTH, repr(result)
    assert len(repr([result])) <= LINES * (WIDTH + 1) + 2


def test_what_matters_is_printed() -> None:
    shown = every_result()
    assert "symbol error" in repr(shown["scores"]) and "95 % interval" in repr(shown["scores"])
    assert all(name in repr(shown["comparison"]) for name in ("old", "new", "first, in a tie"))
    assert "and 14 more lines" in repr(shown["findings"]) and "pairs.tsv line 0" in repr(shown["findings"])
    assert repr(shown["class"]) == "Answer('cat', score -0.3000, to 'cat.png')"
    assert repr(shown["long alignment"]).startswith("Alignment: 300 outputs, 300 inputs, 1 map\n  b ← a 0.00")


def test_a_notebook_shows_results_and_keeps_its_own_style(browser: Browser, tmp_path: Path) -> None:
    parts = {name: result._repr_html_() for name, result in every_result().items()}
    page = "".join(f'<section id="{number}">{part}</section>' for number, part in enumerate(parts.values()))
    style = f"body {{ background: {BODY_COLOUR}; margin: 33px }} h2 {{ color: {BODY_COLOUR} }}" + JUPYTER
    path = tmp_path / "notebook.html"
    path.write_text(
        f"<!doctype html><meta charset=utf-8><style>{style}</style><h2>Mine</h2><div class=jp>{page}", encoding="utf-8"
    )
    with open_page(browser, path) as watched:
        seen = watched.page
        assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == BODY_COLOUR
        assert seen.evaluate("getComputedStyle(document.body).marginTop") == "33px"
        assert seen.evaluate("getComputedStyle(document.querySelector('h2')).color") == BODY_COLOUR
        boxes = seen.locator("section > .heedful-result").all()
        assert len(boxes) == len(parts) and all(box.inner_text().strip() for box in boxes)
        assert all(box.evaluate("node => node.scrollWidth <= node.clientWidth") for box in boxes)
        cell_of = """node => {
            const cell = node.querySelector("td"), row = getComputedStyle(cell.parentNode)
            return [getComputedStyle(cell).color == getComputedStyle(node).color, row.backgroundColor, row.textAlign]
        }"""
        assert boxes[list(parts).index("scores")].evaluate(cell_of) == [True, "rgba(0, 0, 0, 0)", "start"]
        inside = boxes[list(parts).index("explanation")].frame_locator("iframe")
        inside.locator(".explanation.alive").wait_for()
        inside.locator("[data-side='rows'] [data-unit]").nth(1).focus()
        assert inside.locator("[data-side='columns'] .less").count() and inside.locator(".pointed").inner_text()
        picture = hostile_explanation()._repr_png_()  # where no script may run
        assert picture[1:4] == b"PNG" and min(Image.open(io.BytesIO(picture)).size) > 300
        style_of = "node => [getComputedStyle(node).color, getComputedStyle(node).backgroundColor]"
        for scheme in ("light", "dark"):
            seen.emulate_media(color_scheme=scheme)
            ink, paper = (sum(map(int, colour[4:-1].split(","))) for colour in boxes[0].evaluate(style_of))
            assert (ink, paper)[scheme == "light"] > 600 and (ink, paper)[scheme == "dark"] < 150
        assert seen.locator("img[src='x']").count() == 0
        shown = [image.evaluate("node => [node.alt, node.width > 30]") for image in seen.locator("section img").all()]
        assert shown == [["red.png", True], ["a red bar", True]]
        assert not watched.complaints and not watched.requests


@pytest.mark.parametrize("task", ["translate", *TASKS])
def test_what_a_model_gives_prints_in_ten_lines(
    task: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if task == "translate":
        pairs = [(f"{a}{b}{c}", f"{c}{b}{a}") for a in "abcdef" for b in "abc" for c in "def"]
        settings = {"train.threads": 1}
        model = heedful.train(task, pairs, network="gru", size="tiny", steps=1, settings=settings, listener=Quiet())
    else:
        network = next(iter(allowed(task)))
        model = run(recipe(write_data(tmp_path, 0), task, network, train__steps=1), tmp_path / "run", Quiet())
    own = model.read()
    prompts = list(model.prompts([own[0].source]))
    answers = [best for row in model.answer(prompts) for best in row]
    trees = [model.tree(prompts[0])] if task in tree.tasks() else []
    assert all(set(shown.answers) == {answer.output for answer in answers} for shown in trees)
    for result in (model, model.evaluate(), *answers, *trees):
        lines = repr(result).split("\n")
        assert len(lines) <= LINES and max(map(len, lines)) <= WIDTH, repr(result)
        assert result._repr_html_().startswith('<div class="heedful-result">')


def test_showing_is_the_only_way_up() -> None:
    """No result is drawn by being made, compared or copied."""
    assert {kind.__name__ for kind in Result.__subclasses__()} == {
        "Scores", "Comparison", "Findings", "Alignment", "Answer", "Explanation", "BeamTree", "Distillation",
    }  # fmt: skip
    assert "notebook" not in vars(results)
    assert isinstance(comparison(), Comparison) and isinstance(scores(1), Scores)
