"""The law that a text is asked for in the Unicode form that was learnt, for every task that reads texts."""

import json
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful.data.steps.forms import words_of
from heedful.recipe import build
from heedful.results import Answer
from heedful.schema import GenerateSettings, Recipe
from heedful.tasks.fill.masks import MASK
from heedful.tasks.match.matcher import similarity
from heedful.tasks.task import find_task
from heedful.training import decide
from support.sampling import SEED
from support.tiny_tasks import picture

FORMS = ("NFC", "NFKC")
"""One that recipes have, and one that they do not have yet: whoever adds a form has nothing else to change."""
WORDS = ("cafe\u0301", "n\u0303u", "\ufb01n", "\uff21b", "x\u00b2", "o\u0308l", "1\u00a0000", "a\u030a")
"""Letters with their marks apart, a ligature, a wide letter, a raised figure, a space that does not break."""
TEXTS = [f"{first} {last}" for first in WORDS for last in WORDS if first != last]


LEARNS = {
    "translate": "pairs.tsv",
    "classify": "labels.tsv",
    "label": "steps.conll",
    "draw": "texts.npz",
    "match": "texts.npz",
    "complete": "documents.jsonl",
    "fill": "documents.jsonl",
}


def written(folder: Path, name: str) -> str:
    """The texts as a task reads them."""
    file = folder / LEARNS[name]
    if file.suffix == ".npz":
        draw = np.random.default_rng(SEED)
        images = np.stack([picture(number % 3, number % 4, draw) for number in range(len(TEXTS))])
        np.savez(file, images=images, texts=np.array(TEXTS))
        return str(file)
    lines = {
        "documents.jsonl": [json.dumps({"text": text}) for text in TEXTS],
        "labels.tsv": [f"{text}\t{'xy'[number % 2]}" for number, text in enumerate(TEXTS)],
        "pairs.tsv": [f"{text}\t{text}" for text in TEXTS],
        "steps.conll": ["\n".join(f"{word}\t{word[0]}" for word in text.split(" ")) + "\n" for text in TEXTS],
    }
    file.write_text("\n".join(lines[file.name]) + "\n", encoding="utf-8")
    return str(file)


def recipe_of(folder: Path, name: str, form: Any) -> Recipe:
    """A recipe whose texts are given a form that no one has checked."""
    keys = ("data.source_tokenizer", "data.target_tokenizer") if name == "translate" else ("data.source_tokenizer",)
    tokenizers = {} if name in ("label", "draw", "match") else dict.fromkeys(keys, "characters")
    file, small = written(folder, name), {"network.name": "gru", "network.size": "tiny", "network.width": 16}
    files = {"data.train": [file], "data.valid": [file], "data.overlap": "keep"}
    recipe = build(name, files | small | tokenizers | {"train.steps": 1})
    recipe = find_task(name).learning.resolve(replace(recipe, data=replace(recipe.data, normalize=form)))
    return replace(recipe, train=decide.resolve(recipe.train))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LEARNS)
def test_a_text_is_asked_for_in_the_form_that_was_learnt(name: str, form: Any, tmp_path: Path) -> None:
    """However it is written it has one answer with one score and nothing unknown, saved and loaded too."""
    task, settings = find_task(name), GenerateSettings(max_length=4, beam=1)
    answering: Any = task.answering
    learning: Any = task.learning
    recipe = recipe_of(tmp_path, name, form)
    prepared = learning.prepare(recipe, tmp_path / "run", lambda text: None)
    model = learning.build(learning.resolve_for_data(recipe, prepared), prepared)
    (tmp_path / "saved").mkdir()
    answering.save(model, tmp_path / "saved")
    loaded = learning.load(json.loads(json.dumps(answering.config(model))), tmp_path / "saved")
    loaded.network.load_state_dict(model.network.state_dict())
    pictures = [example.source for example in prepared.valid[:3]]
    texts = [f"{MASK} {text}" if name == "fill" else text for text in TEXTS[:12]]
    composed = [in_form(text, form) for text in texts]
    assert composed != texts
    for trained in (model, loaded):
        if name == "match":
            ours, theirs = (similarity([trained], pictures, prompts, settings) for prompts in (texts, composed))
            assert np.array_equal(ours, theirs)
        else:
            answers = [answering.answer([trained], sources, settings) for sources in (texts, composed)]
            plain = [[as_read(answer, form) for row in rows for answer in row] for rows in answers]
            assert plain[0] == plain[1]
            assert not any(answer.unknown for answer in plain[0])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("translate", [(text, text) for text in TEXTS]),
        ("complete", [(text, text) for text in TEXTS]),
        ("fill", [(f"{text} {MASK}", f"{text} e\u0301") for text in TEXTS]),
    ],
)
def test_a_text_is_scored_in_the_form_that_was_learnt(
    name: str, pairs: list[tuple[str, str]], form: Any, tmp_path: Path
) -> None:
    recipe = recipe_of(tmp_path, name, form)
    prepared = find_task(name).learning.prepare(recipe, tmp_path / "run", lambda text: None)
    model = find_task(name).learning.build(recipe, prepared)
    composed = [(in_form(source, form), in_form(target, form)) for source, target in pairs]
    assert find_task(name).answering.score([model], pairs) == find_task(name).answering.score([model], composed)


def in_form(text: str, form: Any) -> str:
    """A text whose words have that form already."""
    return " ".join(words_of(text, form))


def as_read(answer: Answer, form: Any) -> Answer:
    """An answer but for how its source, which may stand in the output too, is written."""
    return replace(answer, source="", output=in_form(answer.output, form))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", LEARNS)
def test_what_is_learnt_has_that_form(name: str, form: Any, tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, name, form)
    prepared = find_task(name).learning.prepare(recipe, tmp_path / "run", lambda text: None)
    side = "references" if name == "match" else "source"
    for example in prepared.valid:
        value = getattr(example, side)
        for text in [value] if isinstance(value, str) else value:
            words = text.split(" ")
            assert all(unicodedata.is_normalized(form, word.replace("\u00a0", " ")) for word in words), text
