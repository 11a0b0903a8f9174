"""What a model may be asked with from Python: all forms of an input give one answer, and what cannot be is named."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from PIL import Image

import heedful
from heedful.errors import HeedfulError
from support.tiny_tasks import SIDE, write_data

SMALL: dict[str, Any] = {
    "steps": 2,
    "size": "tiny",
    "settings": {"train.threads": 1, "network.width": 16, "data.overlap": "keep"},
    "listener": heedful.Quiet(),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return write_data(tmp_path_factory.mktemp("data"), seed=1)


@pytest.fixture(scope="module")
def classifier(files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> heedful.Model:
    folder = tmp_path_factory.mktemp("runs") / "pictures"
    return heedful.train("classify", Path(files["train-labels"]), network="vit", output=folder, **SMALL)


@pytest.fixture(scope="module")
def labeller(files: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> heedful.Model:
    folder = tmp_path_factory.mktemp("runs") / "series"
    return heedful.train("label", files["train-steps"], network="gru", output=folder, **SMALL)


@pytest.fixture(scope="module")
def translator(tmp_path_factory: pytest.TempPathFactory) -> heedful.Model:
    folder = tmp_path_factory.mktemp("texts")
    pairs = "".join(f"{a}{b}{c}\t{c}{b}{a}\n" for a in "abcdef" for b in "abc" for c in "def")
    (folder / "pairs.tsv").write_text(pairs, encoding="utf-8")
    return heedful.train("translate", folder / "pairs.tsv", network="gru", output=folder / "run", **SMALL)


def test_one_text_has_one_answer_and_a_list_a_list(translator: heedful.Model) -> None:
    texts = ["abd", "fae"]
    one, both = translator.predict(texts[0]), translator.predict(texts)
    assert isinstance(one, str) and both[0] == one and len(both) == 2
    assert translator.predict([texts[0]]) == [one] and translator.predict([]) == []
    for several in (tuple(texts), np.array(texts), pd.Series(texts), pl.Series(texts), iter(texts)):
        assert translator.predict(several) == both
    assert translator.explain(texts[0]) == translator.explain([texts[0]]) == translator.explain(np.array(texts[:1]))
    with pytest.raises(HeedfulError, match="One input is explained at a time, and these are 2"):
        translator.explain(texts)
    with pytest.raises(HeedfulError, match="no class a probability"):
        translator.predict_proba(texts)


@pytest.mark.parametrize(
    "wrong, name",
    [
        (7, "the input is of type int"),
        (None, "the input is of type None"),
        (["abd", None], "input 2 is of type None"),
        (Path("a.txt"), "the input is a path: a.txt"),
        (Image.new("L", (4, 4)), "the input is of type PIL.Image"),
        (np.zeros(3), "input 1 is of type numpy.float64"),
        (pd.DataFrame({"text": ["abd"]}), "this is a pandas.DataFrame"),
        ([["abd"]], "input 1 is of type list"),
    ],
)
def test_what_is_no_text_is_an_error_that_names_its_type(translator: heedful.Model, wrong: object, name: str) -> None:
    with pytest.raises(HeedfulError, match=re.escape(name)):
        translator.predict(wrong)


def test_a_picture_is_the_same_in_every_form(classifier: heedful.Model, files: dict[str, str], tmp_path: Path) -> None:
    pixels = np.load(files["valid-labels"])["images"][:3]
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    images = [Image.fromarray(array) for array in pixels]
    for path, image in zip(paths, images, strict=True):
        image.save(path)
    right = classifier.predict_proba([f"{files['valid-labels']}#{number}" for number in range(3)])
    assert right.shape == (3, 4) and np.allclose(right.sum(1), 1) and len(set(classifier.classes)) == 4
    levels = pixels.astype(np.float32)
    files_read = [path.read_bytes() for path in paths]
    arrays = (pixels, list(pixels), torch.tensor(pixels), levels, levels / 255, pixels.transpose(0, 3, 1, 2))
    for form in (paths, list(map(str, paths)), images, files_read, *arrays):
        assert np.array_equal(classifier.predict_proba(form), right)
    assert [classifier.classes[number] for number in right.argmax(1)] == classifier.predict(images)
    assert np.allclose(classifier.predict_proba(pixels[1]), right[1])
    assert classifier.predict(images[2]) == classifier.predict(paths[2]) == classifier.predict(images)[2]
    assert classifier.answer([images[0], paths[1]])[0][0].source == "picture 1"
    assert classifier.answer(paths)[1][0].source == str(paths[1])
    ask = heedful.pipeline("image-classification", classifier)
    assert ask(images) == ask(list(map(str, paths))) and ask(images[0]) == ask(paths[0])
    assert classifier.score([(images[0], classifier.classes[0])])[0] == pytest.approx(np.log(right[0, 0]), abs=1e-5)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "LAB", "I;16", "F", "I"])
def test_a_picture_of_any_mode_of_pillow_is_read(classifier: heedful.Model, mode: str) -> None:
    gray = Image.new("L", (SIDE, SIDE), 100)
    image = Image.new(mode, (SIDE, SIDE), 100) if mode in ("I;16", "F", "I") else gray.convert("RGB").convert(mode)
    assert classifier.predict_proba(image).shape == (4,)


@pytest.mark.parametrize(
    "wrong, name",
    [
        (3.5, "the input is of type float"),
        ([b"no picture"], "input 1 is bytes that are no picture"),
        (np.zeros((2, 5, 5, 7)), "has the shape"),
        (np.zeros((3, 8, 8)), "may be one picture (C, H, W), or 3 gray ones"),
        ([np.full((4, 4), np.nan)], "levels from nan"),
        ({"image": 1}, "this is a dict"),
    ],
)
def test_what_is_no_picture_is_an_error_that_names_it(classifier: heedful.Model, wrong: object, name: str) -> None:
    with pytest.raises(HeedfulError, match=re.escape(name)):
        classifier.predict(wrong)


def test_a_series_is_the_same_as_path_and_array(labeller: heedful.Model, files: dict[str, str], tmp_path: Path) -> None:
    series = [np.random.default_rng(number).normal(size=(6 + number, 2)) for number in range(2)]
    for number, values in enumerate(series):
        np.save(tmp_path / f"{number}.npy", values)
    paths = [tmp_path / f"{number}.npy" for number in range(2)]
    both = labeller.predict(paths)
    assert labeller.predict(series) == both == labeller.predict([torch.tensor(values) for values in series])
    assert labeller.predict(series[1]) == labeller.predict(paths[1]) == both[1] and both[1].count("\t") == 6
    first, second = labeller.predict_proba(series)
    assert first.shape == (6, 3) and np.allclose(labeller.predict_proba(series[1]), second)
    assert labeller.predict(np.stack([series[0], series[0]])) == [both[0]] * 2
    with pytest.raises(HeedfulError, match="object"):
        labeller.predict([np.array([None, 1])])
