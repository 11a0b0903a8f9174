"""`heedful.pipeline` gives what `transformers` gives, or gave: values by its own call or networks, shapes by the
documentation of its version 4.
"""

from pathlib import Path
from typing import Any

import pytest

import heedful
from heedful.errors import HeedfulError
from support import published
from support.families import oracle
from support.published import LINES, NAMES, classes

TEXTS = list(LINES[:3])


def alike(ours: Any, theirs: Any) -> bool:
    """Whether two answers have one shape and one content; probabilities within what another order of sums does."""
    if isinstance(theirs, float):
        return ours == pytest.approx(theirs, abs=1e-5)
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(alike, ours, theirs))
    if isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(alike(ours[key], theirs[key]) for key in theirs)
    return bool(ours == theirs)


def both(task: str, folder: Path) -> tuple[Any, Any]:
    return heedful.pipeline(task, folder), oracle.pipeline(task, str(folder))


def test_texts_are_classified(tmp_path: Path) -> None:
    ours, theirs = both(
        "text-classification", published.bert(tmp_path / "b", "BertForSequenceClassification", **classes(NAMES))
    )
    for inputs in (TEXTS[0], TEXTS, TEXTS[:1]):
        for options in ({}, {"top_k": 1}, {"top_k": 2}, {"top_k": None}):
            assert alike(ours(inputs, **options), theirs(inputs, **options)), (inputs, options)


def test_pictures_are_classified(tmp_path: Path) -> None:
    pictures = [str(published.picture(tmp_path / f"{number}.png", number)) for number in range(3)]
    ours = heedful.pipeline("image-classification", published.vit(tmp_path / "vit"))
    processor = published.ViTImageProcessorPil.from_pretrained(tmp_path / "vit")
    theirs = oracle.pipeline("image-classification", str(tmp_path / "vit"), image_processor=processor)
    for inputs in (pictures[0], pictures, pictures[:1]):
        for options in ({}, {"top_k": 2}):
            assert alike(ours(inputs, **options), theirs(inputs, **options)), (inputs, options)


def test_masks_are_filled(tmp_path: Path) -> None:
    ours, theirs = both("fill-mask", published.bert(tmp_path / "bert"))
    masked = ["the [MASK] sat on the mat.", "a man reads a [MASK]"]
    for inputs in (masked[0], masked, masked[:1]):
        assert alike(
            [{**row, "sequence": ""} for row in flat(ours(inputs, top_k=3))],
            [{**row, "sequence": ""} for row in flat(theirs(inputs, top_k=3))],
        )
    assert ours(masked[1])[0]["sequence"] == f"a man reads a {ours(masked[1])[0]['token_str']}".replace(" ##", "")
    [first, second] = ours("the [MASK] sat on the [MASK].", top_k=2)
    assert [row["token_str"] for rows in (first, second) for row in rows] == [
        row["token_str"] for rows in theirs("the [MASK] sat on the [MASK].", top_k=2) for row in rows
    ]
    assert second[0]["sequence"] == f"the [MASK] sat on the {second[0]['token_str']}."


def flat(rows: list[Any]) -> list[dict[str, Any]]:
    return [record for row in rows for record in (row if isinstance(row, list) else [row])]


def test_texts_go_on(tmp_path: Path) -> None:
    ours, theirs = both("text-generation", published.gpt2(tmp_path / "gpt2"))
    greedy = {"max_new_tokens": 6, "do_sample": False}
    for inputs in ("Hello world", ["Hello world", "1 2 3"], ["Hello world"]):
        for options in ({}, {"return_full_text": False}, {"num_beams": 3, "num_return_sequences": 2}):
            expected = theirs(inputs, **greedy, **options)
            assert alike(ours(inputs, **{"num_beams": 1} | greedy | options), expected), (inputs, options)


@pytest.mark.parametrize(
    ("task", "key"),
    [
        ("translation", "translation_text"),
        ("translation_en_to_de", "translation_text"),
        ("summarization", "summary_text"),
        ("text2text-generation", "generated_text"),
    ],
)
def test_texts_are_written(task: str, key: str, tmp_path: Path) -> None:
    """One text: a list of records; a list: a record for each, and lists of them where several are asked for."""
    ours = heedful.pipeline(task, published.marian(tmp_path / "marian"), num_beams=2)
    theirs = oracle.MarianMTModel.from_pretrained(tmp_path / "marian").eval()
    words = oracle.MarianTokenizer.from_pretrained(tmp_path / "marian")
    asked = words(TEXTS, padding=True, return_tensors="pt")
    for options in ({}, {"max_length": 5}):
        expected = words.batch_decode(theirs.generate(**asked, num_beams=2, **options), skip_special_tokens=True)
        assert ours(TEXTS, **options) == [{key: text} for text in expected]
        assert ours(TEXTS[0], **options) == [{key: expected[0]}]
        assert ours(TEXTS[:1], **options) == [{key: expected[0]}]
    pairs = ours(TEXTS, num_return_sequences=2)
    assert [[list(row) for row in rows] for rows in pairs] == [[[key], [key]]] * len(TEXTS)


def test_pictures_are_told(tmp_path: Path) -> None:
    pictures = [str(published.picture(tmp_path / f"{number}.png", number)) for number in range(2)]
    ours = heedful.pipeline("image-to-text", published.captioner(tmp_path / "captioner"))
    texts = [answers[0].output for answers in ours.model.answer(pictures)]
    assert ours(pictures) == [[{"generated_text": text}] for text in texts]
    assert ours(pictures[0]) == [{"generated_text": texts[0]}]


def test_what_there_is_not_is_said_with_the_nearest(tmp_path: Path) -> None:
    folder = published.bert(tmp_path / "bert")
    with pytest.raises(HeedfulError, match=r'no pipeline "translaton".*translation'):
        heedful.pipeline("translaton", folder)
    with pytest.raises(HeedfulError, match=r"trained to fill.*for models that translate"):
        heedful.pipeline("summarization", folder)
    with pytest.raises(HeedfulError, match=r'no option "topk".*top_k'):
        heedful.pipeline("fill-mask", folder)("a [MASK]", topk=3)
