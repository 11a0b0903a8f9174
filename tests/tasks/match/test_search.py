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
from support.command_line import heedful as run_command
from support.families import oracle
from support.trained_models import first_trained

TEXTS = ["a red flower", "a temple under a blue sky", "cat"]
SMALL = "--size tiny --steps 5 train.threads=1 data.target_tokenizer=symbols data.picture=8"
CACHE_FILES = "match/photos-*.safetensors"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published CLIP, small, and a run."""
    folder = tmp_path_factory.mktemp("models")
    published.clip(folder / "clip")
    photos(folder / "classes")
    line = f"train match classes --network vaswani2017 -o run {SMALL}"
    assert run_command(line, folder).code == 0
    return folder


@pytest.fixture
def folder(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with photos in it, the models beside it, and nothing kept yet."""
    monkeypatch.setenv("HEEDFUL_CACHE", str(tmp_path / "cache"))
    for name in ("clip", "run"):
        (tmp_path / name).symlink_to(models / name)
    photos(tmp_path / "photos")
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    return tmp_path


def photos(folder: Path) -> None:
    """Parts of two real photos, in a folder each."""
    for name in ("china", "flower"):
        image = Image.fromarray(load_sample_image(f"{name}.jpg"))
        (folder / name).mkdir(parents=True)
        for number, x in enumerate((0, 100, 200, 300)):
            image.crop((x, 40, x + 240, 400)).save(folder / name / f"{number}.{'png' if number % 2 else 'jpg'}")


def answers(line: str, folder: Path) -> dict[str, dict[str, float]]:
    """Cosines by text and picture."""
    result = run_command(line, folder)
    assert result.code == 0, result.err
    replies = [json.loads(text) for text in result.out.splitlines()]
    return {reply["source"]: {answer["output"]: answer["cosine"] for answer in reply["answers"]} for reply in replies}


def test_pictures_are_ranked_as_the_library_would(folder: Path) -> None:
    search = [*HEEDFUL, "match", "clip", "photos", "--json", "--n", "9", "--for", "@texts.txt"]
    result = subprocess.run(search, cwd=folder, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("photos: 8 pictures: 8 new; their vectors are kept in ")
    model = oracle.CLIPModel.from_pretrained(folder / "clip").eval()
    words = oracle.CLIPTokenizer.from_pretrained(folder / "clip")
    processor = published.CLIPImageProcessorPil.from_pretrained(folder / "clip")
    names = sorted(str(path.relative_to(folder)) for path in (folder / "photos").rglob("*.*g"))
    inputs = processor([Image.open(folder / name) for name in names], return_tensors="pt")
    tokens = words(TEXTS, padding=True, return_tensors="pt")
    with torch.inference_mode():
        outputs = model(**inputs, **tokens)
    expected = (outputs.text_embeds @ outputs.image_embeds.T).numpy()
    replies = [json.loads(line) for line in result.stdout.splitlines()]
    assert [reply["source"] for reply in replies] == TEXTS
    for reply, row in zip(replies, expected, strict=True):
        cosines = {answer["output"]: answer["cosine"] for answer in reply["answers"]}
        assert list(cosines.values()) == sorted(cosines.values(), reverse=True)
        assert [cosines[name] for name in names] == pytest.approx(row.tolist(), abs=1e-4)


def test_only_what_changed_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Vectors that were kept are believed: one that is turned round in the file turns its cosine, until its picture
    changes. Whatever changed, the answers are those of nothing kept.
    """
    line = "match run photos --json --n 20 --for flower @texts.txt"
    first = answers(line, folder)
    [file] = (folder / "cache").glob(CACHE_FILES)
    with safe_open(file, "numpy") as tensors:
        metadata, values = tensors.metadata(), tensors.get_tensor("pictures")
    row = json.loads(metadata["pictures"]).index("china/0.jpg")
    values[row] *= -1
    save_file({"pictures": values}, file, metadata)
    for text, cosines in answers(line, folder).items():
        signs = {name: -1 if "china/0" in name else 1 for name in first[text]}
        assert cosines == {name: pytest.approx(signs[name] * first[text][name], abs=1e-6) for name in signs}
    os.utime(folder / "photos/china/0.jpg")
    shutil.copy(folder / "photos/china/1.png", folder / "photos/new.png")
    (folder / "photos/flower/2.jpg").unlink()
    (folder / "photos/flower/3.png").write_bytes((folder / "photos/china/3.png").read_bytes())
    result = run_command(line, folder)
    assert "8 pictures: 5 known, 1 new, 2 changed, 1 gone;" in result.err
    again = answers(line, folder)
    monkeypatch.setenv("HEEDFUL_CACHE", str(folder / "elsewhere"))
    fresh = answers(line, folder)
    assert [*fresh] == ["flower", *TEXTS]
    for text, expected in fresh.items():
        assert again[text] == pytest.approx(expected, abs=2e-6) and len(expected) == 8
        assert expected["photos/new.png"] == pytest.approx(expected["photos/china/1.png"], abs=2e-6)


def test_an_altered_model_has_vectors_of_its_own(folder: Path) -> None:
    model = heedful.load(folder / "run")
    before = model.search(["flower"], str(folder / "photos"), 20)
    with model.altered(attend="uniform"):
        altered = model.search(["flower"], str(folder / "photos"), 20)
    assert [answer.score for answer in before[0]] != [answer.score for answer in altered[0]]
    assert len([*(folder / "cache").glob(CACHE_FILES)]) == 2
    assert model.search(["flower"], str(folder / "photos"), 20) == before


def test_another_model_has_vectors_of_its_own(folder: Path) -> None:
    model = heedful.load(folder / "run")
    before = model.search(["flower"], str(folder / "photos"), 20)
    with torch.no_grad():
        first_trained(model).network.projections[0].weight.mul_(
            torch.linspace(-1, 1, first_trained(model).network.width)[:, None]
        )
    after = model.search(["flower"], str(folder / "photos"), 20)
    assert [answer.score for answer in before[0]] != [answer.score for answer in after[0]]
    assert len([*(folder / "cache").glob(CACHE_FILES)]) == 2
    assert heedful.load(folder / "run").search(["flower"], str(folder / "photos"), 20) == before


def test_pictures_in_memory_are_searched_as_their_files(folder: Path) -> None:
    """A path, a picture of Pillow and an array are one thing; a text is one text, and not its letters."""
    model, file = heedful.load(folder / "run"), folder / "photos/china/1.png"
    with Image.open(file) as picture:
        array = np.asarray(picture.convert("RGB"))
        [answers] = model.search("flower", [file, picture, array], 3)
    assert {answer.output for answer in answers} == {str(file), "picture 2", "array 3"}
    assert [answer.score for answer in answers] == pytest.approx([answers[0].score] * 3, abs=1e-5)
    assert [answer.source for answer in answers] == ["flower"] * 3
    assert model.among(array, "flower")[0][0].output == "flower"
    with pytest.raises(HeedfulError, match=r"is of type int"):
        model.search(["flower"], [7])


DAMAGES = {
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-9]),
    "empty": lambda file: file.write_bytes(b""),
    "of another kind": lambda file: save_file({"pictures": np.zeros((8, 4), np.float32)}, file),
    "no numbers": lambda file: fill_values(file, np.nan),
}


def fill_values(file: Path, value: float) -> None:
    with safe_open(file, "numpy") as tensors:
        metadata, values = tensors.metadata(), tensors.get_tensor("pictures")
    save_file({"pictures": np.full_like(values, value)}, file, metadata)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_broken_file_is_made_anew(damage: str, folder: Path) -> None:
    line = "match run photos --json --for flower"
    first = answers(line, folder)
    [file] = (folder / "cache").glob(CACHE_FILES)
    DAMAGES[damage](file)
    result = run_command(line, folder)
    assert f"{file} cannot be used, and is made anew: " in result.err and "8 pictures: 8 new;" in result.err
    assert answers(line, folder) == first and "8 known;" in run_command(line, folder).err


def test_two_at_once_do_no_harm(folder: Path) -> None:
    search = [*HEEDFUL, "match", "run", "photos", "--json", "--for", "flower"]
    processes = [subprocess.Popen(search, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert outputs[0] == outputs[1] != b"" and [process.returncode for process in processes] == [0, 0]
    [file] = (folder / "cache" / "match").iterdir()
    assert file.suffix == ".safetensors" and "8 known;" in run_command("match run photos --for flower", folder).err


def test_what_cannot_be_read_or_kept_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "photos/cut.jpg").write_bytes((folder / "photos/china/0.jpg").read_bytes()[:999])
    (folder / "photos/IMG_1.jxl").write_bytes(b"\0\0\0\x18ftypheic")
    (folder / "file").write_text("no folder")
    monkeypatch.setenv("HEEDFUL_CACHE", str(folder / "file"))
    result = run_command("match run photos --n 20 --for flower", folder)
    assert result.code == 0 and len(result.out.splitlines()) == 8
    assert "passed over 1 picture in a format that cannot be read (first: photos/IMG_1.jxl)" in result.err
    assert "left out 1 picture that cannot be read: photos/cut.jpg is cut off" in result.err
    assert "cannot be written, and embeddings are not cached" in result.err


def test_vectors_are_written_as_files_and_lines(folder: Path) -> None:
    """Unit vectors with their names; their products are the cosines of --score, and what --among goes by."""
    result = run_command("match run photos --embed -o found.safetensors --among china flower", folder)
    assert result.code == 0 and result.out == "" and "found.safetensors: 8 pictures and 2 texts" in result.err
    with safe_open(folder / "found.safetensors", "numpy") as file:
        names = {kind: json.loads(file.metadata()[kind]) for kind in ("pictures", "texts")}
        values = {kind: file.get_tensor(kind) for kind in names}
    for kind, name in (("pictures", "picture"), ("texts", "text")):
        assert np.linalg.norm(values[kind], axis=1) == pytest.approx(1, abs=1e-5)
        line = "match run photos --embed" if kind == "pictures" else "match run --embed --among china flower"
        rows = [json.loads(text) for text in run_command(line, folder).out.splitlines()]
        assert [row[name] for row in rows] == names[kind]
        assert np.array([row["vector"] for row in rows]) == pytest.approx(values[kind], abs=1e-6)
    assert names["texts"] == ["china", "flower"] and names["pictures"] == sorted(names["pictures"])
    pairs = " ".join(f"{name} flower" for name in names["pictures"])
    lines = run_command(f"match run --score {pairs}", folder).out.splitlines()
    scores = [float(text.split("\t")[2]) for text in lines]
    assert scores == pytest.approx((values["pictures"] @ values["texts"][1]).tolist(), abs=1e-4)
    model = heedful.load(folder / "run")
    cosines = model.embed([str(folder / "photos")]).values @ model.embed(["china", "flower"], "texts").values.T
    chosen = model.among([str(folder / "photos")], ["china", "flower"])
    assert [best[0].output for best in chosen] == [("china", "flower")[column] for column in cosines.argmax(1)]


def test_samples_and_folders_in_one_another_are_looked_through_once(folder: Path) -> None:
    cosines = answers("match run photos photos/china sample://digits/0/test --json --n 999 --for flower", folder)
    names = [*cosines["flower"]]
    assert sum(name.startswith("sample://") for name in names) == 450 and len(names) == 458
    assert len([*(folder / "cache/match").iterdir()]) == 2


def test_two_models_search_with_the_mean_of_their_cosines(folder: Path) -> None:
    each_alone = [
        answers(f"match {name} photos --json --n 9 --for flower", folder)["flower"] for name in ("clip", "run")
    ]
    mean = answers("match clip --with run photos --json --n 9 --for flower", folder)["flower"]
    assert mean == {
        name: pytest.approx((each_alone[0][name] + each_alone[1][name]) / 2, abs=2e-6) for name in each_alone[0]
    }


def test_names_of_classes_are_scored_without_having_been_taught(folder: Path) -> None:
    """evaluate on a folder a class says how many pictures --among names as they are, with a template or two."""
    model, words = heedful.load(folder / "clip"), ["china", "flower"]
    for templates in ([], ["a {}"], ["a {}", "the {} of it, perhaps"]):
        changes = {"generate.template": templates}
        scores = model.evaluate(str(folder / "photos"), changes)
        answers_of_pictures = model.among([str(folder / "photos")], words, changes)
        right = [Path(best[0].source).parent.name == best[0].output for best in answers_of_pictures]
        assert scores.measures["zero_shot_accuracy"].value == pytest.approx(100 * np.mean(right))
        assert scores.measures["recall_at_1"].value == scores.measures["zero_shot_accuracy"].value
        prompts = [[template.replace("{}", name) for name in words] for template in templates or ["{}"]]
        expected = np.mean([model.embed(texts, "texts").values for texts in prompts], axis=0)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        assert model.embed(words, "texts", changes).values == pytest.approx(expected, abs=1e-5)
    result = run_command("evaluate clip photos generate.template={}", folder)
    assert "zero-shot accuracy" in result.out and "precision" in result.out


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
    "match run photos --embed --with clip": ["in different spaces"],
    "match run photos --for a template=b": ["generate.template cannot be ['b']"],
    "match run --for a": ["no pictures to search"],
}


@pytest.mark.parametrize("line", WRONG)
def test_mistakes_are_answered_in_plain_lines(line: str, folder: Path) -> None:
    result = run_command(line, folder)
    assert result.code == 2 and result.out == "" and "Traceback" not in result.err
    assert [words for words in WRONG[line] if words not in result.err] == []


def test_a_model_of_another_task_does_not_search(models: Path, tmp_path: Path) -> None:
    model = heedful.load(published.vit(tmp_path / "vit"))
    with pytest.raises(HeedfulError, match="trained to classify: it has no space"):
        model.search(["cat"], str(models / "classes"))
