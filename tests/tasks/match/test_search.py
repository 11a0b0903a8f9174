"""Pictures searched by words: the command in a process of its own, real photos, and vectors that are kept.

transformers is the oracle for cosines. What is kept may never change an answer: what is asked twice, after any change
of the folder, is answered as if nothing had been kept.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.datasets import load_sample_image

import heedful
from heedful.errors import HeedfulError
from support import published
from support.command_line import HEEDFUL
from support.command_line import heedful as typed
from support.families import oracle
from support.inside import inside

TEXTS = ["a red flower", "a temple under a blue sky", "cat"]
SMALL = "--size tiny --steps 5 train.threads=1 data.target_tokenizer=symbols data.picture=8"
KEPT = "match/photos-*.safetensors"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published CLIP, small, and a run."""
    folder = tmp_path_factory.mktemp("models")
    published.clip(folder / "clip")
    photos(folder / "classes")
    line = f"train match classes --network vaswani2017 -o run {SMALL}"
    assert typed(line, folder).code == 0
    return folder


@pytest.fixture
def place(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos in it, the models beside it, and nothing kept yet."""
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    for name in ("clip", "run"):
        (tmp_path / name).symlink_to(models / name)
    photos(tmp_path / "photos")
    (tmp_path / "texts.txt").write_text("\n\n".join(TEXTS) + "\n", encoding="utf-8")
    return tmp_path


def photos(folder: Path) -> None:
    """Parts of two real photos, in a folder each."""
    for name in ("china", "flower"):
        whole = Image.fromarray(load_sample_image(f"{name}.jpg"))
        (folder / name).mkdir(parents=True)
        for number, left in enumerate((0, 100, 200, 300)):
            whole.crop((left, 40, left + 240, 400)).save(folder / name / f"{number}.{'png' if number % 2 else 'jpg'}")


def answers(line: str, folder: Path) -> dict[str, dict[str, float]]:
    """Cosines by text and picture."""
    told = typed(line, folder)
    assert told.code == 0, told.err
    lines = [json.loads(one) for one in told.out.splitlines()]
    return {one["source"]: {each["output"]: each["cosine"] for each in one["answers"]} for one in lines}


def test_pictures_are_ranked_as_the_library_would(place: Path) -> None:
    search = [*HEEDFUL, "match", "clip", "photos", "--json", "--n", "9", "--for", "@texts.txt"]
    ended = subprocess.run(search, cwd=place, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.startswith("photos: 8 pictures: 8 new; their vectors are kept in ")
    model = oracle.CLIPModel.from_pretrained(place / "clip").eval()
    words = oracle.CLIPTokenizer.from_pretrained(place / "clip")
    processor = published.CLIPImageProcessorPil.from_pretrained(place / "clip")
    names = sorted(str(path.relative_to(place)) for path in (place / "photos").rglob("*.*g"))
    inputs = processor([Image.open(place / name) for name in names], return_tensors="pt")
    read = words(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        found = model(**inputs, **read)
    wanted = (found.text_embeds @ found.image_embeds.T).numpy()
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [one["source"] for one in lines] == TEXTS
    for line, row in zip(lines, wanted, strict=True):
        told = {one["output"]: one["cosine"] for one in line["answers"]}
        assert list(told.values()) == sorted(told.values(), reverse=True)
        assert [told[name] for name in names] == pytest.approx(row.tolist(), abs=1e-4)


def test_only_what_changed_is_read_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that were kept are believed: one that is turned round in the file turns its cosine, until its picture
    changes. Whatever changed, the answers are those of nothing kept.
    """
    line = "match run photos --json --n 20 --for flower @texts.txt"
    first = answers(line, place)
    [file] = (place / "cache").glob(KEPT)
    with safe_open(file, "numpy") as kept:
        about, values = kept.metadata(), kept.get_tensor("pictures")
    turned = json.loads(about["pictures"]).index("china/0.jpg")
    values[turned] *= -1
    save_file({"pictures": values}, file, about)
    for text, told in answers(line, place).items():
        right = first[text]
        assert told == {one: pytest.approx(-right[one] if "china/0" in one else right[one], abs=1e-6) for one in right}
    os.utime(place / "photos/china/0.jpg")
    shutil.copy(place / "photos/china/1.png", place / "photos/new.png")
    (place / "photos/flower/2.jpg").unlink()
    (place / "photos/flower/3.png").write_bytes((place / "photos/china/3.png").read_bytes())
    told = typed(line, place)
    assert "8 pictures: 5 known, 1 new, 2 changed, 1 gone;" in told.err
    again = answers(line, place)
    monkeypatch.setenv("HEEDFUL_CACHE", str(place / "elsewhere"))
    fresh = answers(line, place)
    assert [*fresh] == ["flower", *TEXTS]
    for text, found in fresh.items():
        assert again[text] == pytest.approx(found, abs=2e-6) and len(found) == 8
        assert found["photos/new.png"] == pytest.approx(found["photos/china/1.png"], abs=2e-6)


def test_another_model_has_vectors_of_its_own(place: Path) -> None:
    model = heedful.load(place / "run")
    before = model.search(["flower"], str(place / "photos"), 20)
    with torch.no_grad():
        inside(model).network.projections[0].weight.mul_(torch.linspace(-1, 1, inside(model).network.width)[:, None])
    after = model.search(["flower"], str(place / "photos"), 20)
    assert [one.score for one in before[0]] != [one.score for one in after[0]]
    assert len([*(place / "cache").glob(KEPT)]) == 2
    assert heedful.load(place / "run").search(["flower"], str(place / "photos"), 20) == before


SPOILT = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: save_file({"pictures": np.zeros((8, 4), np.float32)}, file),
    "no numbers": lambda file: spoil(file, np.nan),
}


def spoil(file: Path, value: float) -> None:
    with safe_open(file, "numpy") as kept:
        about, values = kept.metadata(), kept.get_tensor("pictures")
    save_file({"pictures": np.full_like(values, value)}, file, about)


@pytest.mark.parametrize("how", SPOILT)
def test_a_broken_file_is_made_anew(how: str, place: Path) -> None:
    line = "match run photos --json --for flower"
    first = answers(line, place)
    [file] = (place / "cache").glob(KEPT)
    SPOILT[how](file)
    told = typed(line, place)
    assert f"{file} cannot be used, and is made anew: " in told.err and "8 pictures: 8 new;" in told.err
    assert answers(line, place) == first and "8 known;" in typed(line, place).err


def test_two_at_once_do_no_harm(place: Path) -> None:
    search = [*HEEDFUL, "match", "run", "photos", "--json", "--for", "flower"]
    both = [subprocess.Popen(search, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    said = [one.communicate(timeout=300)[0] for one in both]
    assert said[0] == said[1] != b"" and [one.returncode for one in both] == [0, 0]
    [file] = (place / "cache" / "match").iterdir()
    assert file.suffix == ".safetensors" and "8 known;" in typed("match run photos --for flower", place).err


def test_what_cannot_be_read_or_kept_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "photos/cut.jpg").write_bytes((place / "photos/china/0.jpg").read_bytes()[:999])
    (place / "photos/IMG_1.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (place / "file").write_text("no folder")
    monkeypatch.setenv("HEEDFUL_CACHE", str(place / "file"))
    told = typed("match run photos --n 20 --for flower", place)
    assert told.code == 0 and len(told.out.splitlines()) == 8
    assert "passed over 1 file without a picture's ending (first: photos/IMG_1.HEIC)" in told.err
    assert "left out 1 picture that cannot be read: photos/cut.jpg is cut off" in told.err
    assert "cannot be written, and vectors are not kept" in told.err


def test_vectors_are_written_as_files_and_lines(place: Path) -> None:
    """Unit vectors with their names; their products are the cosines of --score, and what --among goes by."""
    told = typed("match run photos --embed -o found.safetensors --among china flower", place)
    assert told.code == 0 and told.out == "" and "found.safetensors: 8 pictures and 2 texts" in told.err
    with safe_open(place / "found.safetensors", "numpy") as file:
        names = {kind: json.loads(file.metadata()[kind]) for kind in ("pictures", "texts")}
        values = {kind: file.get_tensor(kind) for kind in names}
    for kind, name in (("pictures", "picture"), ("texts", "text")):
        assert np.linalg.norm(values[kind], axis=1) == pytest.approx(1, abs=1e-5)
        line = "match run photos --embed" if kind == "pictures" else "match run --embed --among china flower"
        rows = [json.loads(one) for one in typed(line, place).out.splitlines()]
        assert [row[name] for row in rows] == names[kind]
        assert np.array([row["vector"] for row in rows]) == pytest.approx(values[kind], abs=1e-6)
    assert names["texts"] == ["china", "flower"] and names["pictures"] == sorted(names["pictures"])
    pairs = " ".join(f"{name} flower" for name in names["pictures"])
    scored = [float(one.split("\t")[2]) for one in typed(f"match run --score {pairs}", place).out.splitlines()]
    assert scored == pytest.approx((values["pictures"] @ values["texts"][1]).tolist(), abs=1e-4)
    model = heedful.load(place / "run")
    mine = model.embed([str(place / "photos")]).values @ model.embed(["china", "flower"], "texts").values.T
    chosen = model.among([str(place / "photos")], ["china", "flower"])
    assert [one[0].output for one in chosen] == [("china", "flower")[best] for best in mine.argmax(1)]


def test_samples_and_folders_in_one_another_are_looked_through_once(place: Path) -> None:
    found = answers("match run photos photos/china sample://digits/0/test --json --n 999 --for flower", place)
    names = [*found["flower"]]
    assert sum(name.startswith("sample://") for name in names) == 450 and len(names) == 458
    assert len([*(place / "cache/match").iterdir()]) == 2


def test_two_models_search_with_the_mean_of_their_cosines(place: Path) -> None:
    alone = [answers(f"match {name} photos --json --n 9 --for flower", place)["flower"] for name in ("clip", "run")]
    both = answers("match clip --with run photos --json --n 9 --for flower", place)["flower"]
    assert both == {name: pytest.approx((alone[0][name] + alone[1][name]) / 2, abs=2e-6) for name in alone[0]}


def test_names_of_classes_are_scored_without_having_been_taught(place: Path) -> None:
    """evaluate on a folder a class says how many pictures --among names as they are, with a template or two."""
    model, words = heedful.load(place / "clip"), ["china", "flower"]
    for templates in ([], ["a {}"], ["a {}", "the {} of it, perhaps"]):
        changes = {"generate.template": templates}
        scores = model.evaluate(str(place / "photos"), changes)
        found = model.among([str(place / "photos")], words, changes)
        right = [Path(one[0].source).parent.name == one[0].output for one in found]
        assert scores.measures["zero_shot_accuracy"].value == pytest.approx(100 * np.mean(right))
        assert scores.measures["recall_at_1"].value == scores.measures["zero_shot_accuracy"].value
        each = [[one.replace("{}", name) for name in words] for one in templates or ["{}"]]
        said = np.mean([model.embed(some, "texts").values for some in each], axis=0)
        said /= np.linalg.norm(said, axis=1, keepdims=True)
        assert model.embed(words, "texts", changes).values == pytest.approx(said, abs=1e-5)
    told = typed("evaluate clip photos generate.template={}", place)
    assert "zero-shot accuracy" in told.out and "precision" in told.out


WRONG = {
    "match run photos --for a --among b": ["--for does not go with --among"],
    "match run photos --embed --for a": ["--for does not go with --embed"],
    "match run photos --score --among a": ["--among does not go with --score"],
    "match run photos --for @none.txt": ["There is no file none.txt", "After @ stands a file"],
    "match run clip --for a": ["The folder clip has", "no picture"],
    "match run photos/9.jpg --for a": ["There is no file photos/9.jpg"],
    "match run --embed cat": ["no picture and no folder cat", "Texts go after --among"],
    "match run photos --embed -o x.npy": ["not to x.npy"],
    "match run photos --embed --n 2": ["--embed takes no --n"],
    "match run photos --embed --with clip": ["no space in common"],
    "match run photos --for a template=b": ["generate.template cannot be ['b']"],
    "match run --for a": ["no pictures to look through"],
}


@pytest.mark.parametrize("line", WRONG)
def test_mistakes_are_answered_in_plain_lines(line: str, place: Path) -> None:
    told = typed(line, place)
    assert told.code == 2 and told.out == "" and "Traceback" not in told.err
    assert [words for words in WRONG[line] if words not in told.err] == []


def test_a_model_of_another_task_does_not_search(models: Path, tmp_path: Path) -> None:
    model = heedful.load(published.vit(tmp_path / "vit"))
    with pytest.raises(HeedfulError, match="trained to classify: it has no space"):
        model.search(["cat"], str(models / "classes"))
