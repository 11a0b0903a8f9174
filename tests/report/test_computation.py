"""The page that computes attention, in a real browser: its own numbers are those of the network."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heedful.computations import AddedPositions, Computation, Head
from heedful.explanations import Explanation, Map, Units
from heedful.report.computed_page import computation_page
from support.browser import open_page
from support.sharp_letters import sharp_model
from support.synthetic_computations import two_keys
from support.synthetic_results import ARABIC, BREAKING, LONG

WALK = """() => {
  const all = (name) => [...document.querySelectorAll(name)], found = [];
  const select = all(".computation select")[0];
  for (const option of select.options) {
    select.value = option.value;
    select.dispatchEvent(new Event("change", { bubbles: true }));
    for (const head of all(".head-choice button").length ? all(".head-choice button") : [select]) {
      head.click();
      for (const query of all("[data-side=rows] .token")) {
        query.click();
        const cells = all(".bench .weights tr[data-key]").map((row) => [...row.cells].map((cell) => cell.textContent));
        found.push({ cells, checked: all(".checked")[0].textContent });
      }
    }
  }
  return found;
}"""
"""Chooses every layer, head and query, and reads what the tables say of each key."""


@pytest.mark.parametrize("name", ["bahdanau2015", "luong2015", "vaswani2017", "touvron2023"])
def test_the_page_computes_what_the_network_did(name: str, tmp_path: Path, browser) -> None:
    """Every weight of every head and query, at 390 pixels in the dark, and nothing asked of the network."""
    explanation = sharp_model(tmp_path, name).explain("a b c d", "d c b a", method="step-by-step")
    (tmp_path / "page.html").write_text(computation_page(explanation), encoding="utf-8")
    weights = {map_.name: map_.weights for map_ in explanation.maps}
    expected = [row for each in explanation.computations for head in each.heads for row in weights[head.map]]
    with open_page(browser, tmp_path / "page.html", width=390, dark=True) as watched:
        watched.page.wait_for_selector(".computation.alive")
        found = watched.page.evaluate(WALK)
        assert len(found) == len(expected)
        for shown, row in zip(found, expected, strict=True):
            assert [float(cells[-1]) for cells in shown["cells"]] == pytest.approx(row, abs=0.0006)
            assert shown["checked"].count("less than 0.0001") + shown["checked"].count("at most 0.00") == 2
        assert watched.page.evaluate("document.documentElement.scrollWidth") == 390
        later = any("later" in cells for shown in found for row in shown["cells"] for cells in row)
        assert later == any(each.causal for each in explanation.computations)
        assert (watched.complaints, watched.requests) == ([], [])


def test_a_weight_is_read_by_keyboard(tmp_path: Path, browser) -> None:
    """Line by line as by hand; arrows choose another word, a slider another number."""
    (tmp_path / "page.html").write_text(computation_page(two_keys(), BREAKING, LONG), encoding="utf-8")
    with open_page(browser, tmp_path / "page.html", width=390) as watched:
        page = watched.page
        page.wait_for_selector(".computation.alive")
        assert page.locator("[data-side=columns] .token").all_inner_texts() == [BREAKING, ARABIC, LONG]
        assert page.locator(".finding b").inner_text() == "0.500"
        page.locator("[data-side=rows] .token[tabindex='0']").focus()
        page.keyboard.press("ArrowLeft")
        page.locator("[data-side=columns] .token[tabindex='0']").focus()
        assert page.locator(".finding b").inner_text() == page.locator(".result").inner_text() == "0.667"
        assert "the largest of 2" in page.locator(".finding").inner_text()
        page.keyboard.press("ArrowLeft")
        assert page.locator(".finding b").inner_text() == page.locator(".result").inner_text() == "0.333"
        lines = page.locator(".arithmetic").all_inner_texts()
        assert lines[0] == "q · k = 1.00 × 0.00 + 0.00 × 0.00 = 0.00"
        assert lines[1] == "e^(0.00 − 0.69) = 0.500" and lines[2] == "0.500 / (1.000 + 0.500) = 0.500 / 1.500 = 0.333"
        assert lines[3] == "Number 0: 0.667 × 6.00 + 0.333 × 3.00 = 5.00"
        page.locator("input[name=number]").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(".number-said").inner_text() == "Number 1: 0.00 × 0.00 = 0.00"
        page.locator("[data-side=rows] .token[tabindex='0']").focus()
        page.keyboard.press("ArrowRight")
        assert page.locator(".finding b").inner_text() == "0.500"
        page.locator(".bench .values tr[data-key='2'] .strip").click()
        assert "it is masked (padding)" in page.locator(".finding").inner_text()
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert (watched.complaints, watched.requests) == ([], [])


def sized(keys: int, layers: int, heads: int, width: int) -> Explanation:
    """Made-up numbers as those of trained networks: each row of weights a sharp softmax."""
    rng = np.random.default_rng(0)
    units = {"read": Units("words", tuple(f"w{number}" for number in range(keys)))}
    maps, computations = [], []
    for layer in range(layers):
        name, made = f"encoder.{layer}.self_attention", []
        for head in range(heads):
            scores = np.exp(rng.normal(0, 3, (keys, keys)))
            weights = (scores / scores.sum(-1, keepdims=True)).tolist()
            maps.append(Map(f"{name}.head{head}", "read", "read", "shares", weights))
            made.append(Head(maps[-1].name, *(rng.normal(size=(keys, width)).tolist() for _ in range(4))))
        computations.append(Computation(name, "scaled dot", "read", "read", "read", tuple(made)))
    added = AddedPositions("learned", 64, *(rng.normal(size=(keys, 64)).tolist() for _ in range(2)))
    explanation = Explanation("fill", "q", "A", "step-by-step", units | {"answered": units["read"]}, tuple(maps))
    return replace(explanation, computations=tuple(computations), positions={"read": added})


@pytest.mark.parametrize("size", [(30, 6, 4, 32), (512, 1, 1, 64)], ids=["a sentence", "a head of 512 tokens"])
def test_a_page_takes_less_than_a_megabyte(size: tuple[int, int, int, int]) -> None:
    """Encoder, decoder and memory of two layers; and the least that is handed out of what is too large."""
    assert len(computation_page(sized(*size))) < 2**20
