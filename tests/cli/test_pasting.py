"""Commands that are printed to be pasted: whatever a name holds, it is one word of them."""

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from heedful.cli import ask, recipes
from heedful.cli.output import open_output
from heedful.cli.words import recipe_file, recipe_of
from heedful.data.pictures.files import read_folder, table_in
from heedful.data.readers.lines import check_exists, check_utf8
from heedful.data.steps.tables import channels_of
from heedful.data.steps.video import check_pixels, check_seconds, convert
from heedful.errors import HeedfulError
from heedful.hub import words
from heedful.names import require_models
from heedful.recipe import REQUESTED
from heedful.schema import DataSettings
from heedful.training.checkpoint import newest_checkpoint

NAME = "my $(data) & more"


def put(path: Path, content: str | bytes = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def misspelt(folder: Path) -> None:
    put(folder / "pairs.tsv")
    check_exists(folder / "pears.tsv")


def several_tables(folder: Path) -> None:
    for name in ("a.token", "b.token"):
        put(folder / name, "1.jpg#0\ta cat\n")
    table_in(folder)


def splits(folder: Path) -> None:
    put(folder / "train" / "1.png")
    put(folder / "test" / "2.png")
    read_folder(str(folder))


def stopped_early(folder: Path) -> None:
    put(folder / REQUESTED)
    require_models(str(folder))


def spoilt_checkpoints(folder: Path) -> None:
    put(folder / "model.safetensors")
    put(folder / "config.json")
    put(folder / "checkpoints" / "step-000000001" / "manifest.json")
    newest_checkpoint(folder / "checkpoints", print)


def write_into(folder: Path) -> None:
    with open_output(folder):
        pass


CASES: dict[str, Callable[[Path], object]] = {
    "a misspelt file": misspelt,
    "the task left out": lambda folder: recipe_file("train", str(put(folder / "pairs.tsv"))),
    "a recipe without data": lambda folder: recipe_of("train", [str(put(folder / "r.toml", 'task = "label"'))], {}),
    "data in UTF-16": lambda folder: check_utf8(str(put(folder / "a.tsv", "a\tb\n".encode("utf-16")))),
    "texts in UTF-16": lambda folder: list(ask.read_lines(put(folder / "a.txt", "a\n".encode("utf-16")))),
    "a file as a text": lambda folder: ask.refuse_file_names([str(put(folder / "a.txt"))]),
    "a large video": lambda folder: check_pixels(str(folder / "a.mp4"), 10**6, 10**6),
    "a long video": lambda folder: check_seconds(str(folder / "a.mp4"), 1e9),
    "several tables": several_tables,
    "splits for classes": splits,
    "columns of a series": lambda folder: channels_of(
        str(put(folder / "s.csv", "my x,my y,my note\n1,2,a\n")), DataSettings()
    ),
    "a run that was stopped early": stopped_early,
    "spoilt checkpoints": spoilt_checkpoints,
    "a folder for answers": write_into,
    "a model of sentencepiece": lambda folder: words.read(put(folder / "sentencepiece.bpe.model").parent, {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_name_of_several_words_is_one_word_of_a_command(case: str, tmp_path: Path) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    with pytest.raises(HeedfulError) as error:
        CASES[case](folder)
    check_words(error.value.cure)


def test_what_is_printed_where_all_went_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / NAME
    folder.mkdir()
    recipes.copy("cmudict-gru" if "cmudict-gru" in recipes.names() else recipes.names()[0], folder)
    check_words(capsys.readouterr().out.splitlines()[-1])
    assert f"heedful train {shlex.quote(str(folder))}" not in convert(str(folder / "a.mp4"))
    check_words(convert(str(folder / "a.mp4")))


def check_words(text: str) -> None:
    """A shell finds the name as a part of single words, and nothing of it elsewhere."""
    parts = text.replace(",", " ").replace("?", " ").split("\n")
    found = [word for part in parts for word in shlex.split(part.replace("…", " ")) if "my " in word or "$(" in word]
    assert found, text
    assert all(NAME in word or word.startswith("data.columns.") for word in found), text
    assert text.count("$(data)") == sum(word.count("$(data)") for word in found), text
