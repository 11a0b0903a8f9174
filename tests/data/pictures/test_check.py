"""A look at pictures and classes before training: what is rare, empty, the same, or on two sides of a split."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from heedful.data.pairs.check import check_pairs
from heedful.recipe import build, parse
from heedful.report.pages import check_page
from heedful.results import Finding, Findings


@pytest.fixture(autouse=True)
def change_to_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def save(path: str, seed: int, width: int = 12, height: int = 9) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def check(*settings: str) -> Findings:
    return check_pairs(build("classify", parse(settings)).data, classes=True)


def finding(findings: Findings, text: str) -> Finding:
    [found] = [entry for entry in findings.findings if text in entry.text]
    return found


def test_classes_and_pictures_that_stand_out_are_named_and_shown() -> None:
    for number in range(12):
        save(f"p/sun/{number:02}.png", number)
        save(f"p/sea/{number:02}.bmp", 100 + number)
    save("p/moon/1.png", 50, 40, 30)
    save("p/sea/small.png", 51, 3, 5)
    save("p/sea/twin.bmp", 7)  # of p/sun/07.png
    save("test/sun/1.bmp", 3)  # of p/sun/03.png
    save("test/star/2.png", 300)
    Path("p/empty/deeper").mkdir(parents=True)
    findings = check("data.train=p", "data.test=test")
    assert findings.summary == "27 pairs · 26 sources · a picture each, a class each · 1 folder"
    assert [entry.text for entry in findings.findings if entry.text.startswith("3 classes")] == [
        "3 classes: sea (14), sun (12), moon (1)"
    ]
    moon = finding(findings, 'the class "moon" has 1 row')
    assert moon.level == "!" and moon.rows == ('p/moon/1.png → "moon"',) and moon.advice
    twins = finding(findings, "2 rows whose picture also stands in another class")
    assert twins.rows == ('p/sea/twin.bmp → "sea"', 'p/sun/07.png → "sun"') and "decide for one" in twins.advice
    leak = finding(findings, "of train whose source also stands in test")
    assert leak.count == 1 and leak.rows == ('p/sun/03.png → "sun"',)
    assert finding(findings, "p/empty holds no picture").level == "!"
    assert finding(findings, 'test: 1 row of classes that training never shows: "star"').advice
    sizes = finding(findings, "pictures have 3 × 5 to 40 × 30 pixels")
    assert sizes.rows == ('p/sea/small.png → "sea"', 'p/moon/1.png → "moon"')
    [bins] = findings.histograms.values()
    assert (bins[0].low, bins[-1].high) == (3, 30)
    assert [(title, len(pictures)) for title, pictures in findings.pictures.items()] == [
        ("moon", 1), ("sea", 6), ("sun", 6),
    ]  # fmt: skip
    assert check_page(findings).count('<img src="data:image/png') == 13
    assert not any("occurs once" in entry.text for entry in findings.findings)


def test_texts_have_classes_too() -> None:
    rows = [f"mail {number}\t{'spam' if number % 2 else 'ham'}" for number in range(20)]
    Path("t.tsv").write_text("\n".join([*rows, "mail 3\tham", "new\tHam"]), encoding="utf-8")
    findings = check("data.train=t.tsv")
    assert finding(findings, "2 rows whose source also stands in another class").lines == (
        "t.tsv line 4",
        "t.tsv line 21",
    )
    assert finding(findings, "3 classes: ham (11), spam (10), Ham (1)").level == "i"
    assert '"Ham" (1) and "ham" (11), whose names differ by case' in str(findings)
