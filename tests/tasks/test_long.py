"""What is longer than a network reads at once: every task, every way, one law. It is decided before the first step."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heedful import check, load
from heedful import recipe as recipes
from heedful.api.model import Model
from heedful.api.train import run
from heedful.cli import ask
from heedful.cli.match import run as ask_matcher
from heedful.errors import HeedfulError
from heedful.schema import Recipe
from heedful.training.progress import Quiet
from support.published import bert, classes, clip, marian
from support.sampling import SEED
from support.synthetic_results import png
from support.tiny_tasks import picture, write_data

CONTEXT = 16
LONG, SHORT = "cabbage " * 9, ["ab", "bad cab", "dab", "a bed", "fad", "deaf"]
TINY = {
    "network.size": "tiny",
    "network.width": 16,
    "network.positions": "learned",
    "network.context": CONTEXT,
    "train.steps": 2,
    "train.valid_every": 1,
    "train.threads": 1,
    "train.precision": "float32",
}
PUBLISHED = {key: value for key, value in TINY.items() if key.startswith("train")}


class NoteRecorder(Quiet):
    """Remembers what is said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


def pairs(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """For each split, pairs of which the third has a long source."""
    return {
        split: [(text, text[::-1]) for text in (*SHORT[:2], LONG, *SHORT[2:])] for split in ("train", "valid", "test")
    }


def translate(folder: Path) -> dict[str, Any]:
    rows = pairs(folder)
    rows["train"].insert(0, ("a", LONG))
    for split, sides in rows.items():
        lines = [f"{source}\t{target if source == 'a' else target[:9]}\n" for source, target in sides]
        (folder / f"{split}.tsv").write_text("".join(lines), encoding="utf-8")
    tokenizers = {"data.source_tokenizer": "characters", "data.target_tokenizer": "characters"}
    return files(folder, "tsv") | tokenizers | {"generate.max_length": 6, "generate.beam": 1}


def classify(folder: Path) -> dict[str, Any]:
    for split, sides in pairs(folder).items():
        lines = [f"{source}\t{'long' if source == LONG else source[0]}\n" for source, _ in sides]
        (folder / f"{split}.tsv").write_text("".join([*lines, "d\td\n", "f\tf\n"]), encoding="utf-8")
    return files(folder, "tsv") | {"data.source_tokenizer": "characters"}


def match(folder: Path) -> dict[str, Any]:
    for split, sides in pairs(folder).items():
        rng = np.random.default_rng(SEED)
        images = np.stack([picture(number % 3, number % 4, rng) for number in range(len(sides))])
        np.savez(folder / f"{split}.npz", images=images, texts=np.array([source for source, _ in sides]))
    return files(folder, "npz") | {"data.target_tokenizer": "characters"}


def files(folder: Path, ending: str) -> dict[str, Any]:
    names = {f"data.{split}": [str(folder / f"{split}.{ending}")] for split in ("train", "valid", "test")}
    return names | {"data.overlap": "keep"}


TASKS: dict[str, tuple[Callable[[Path], dict[str, Any]], str]] = {
    "translate": (translate, "vaswani2017"),
    "classify": (classify, "bert"),
    "match": (match, "clip"),
}


def request(task: str, folder: Path, **changes: Any) -> Recipe:
    write, network = TASKS[task]
    folder.mkdir(exist_ok=True)
    changed = {key.replace("__", "."): value for key, value in changes.items()}
    return recipes.build(task, write(folder) | TINY | {"network.name": network} | changed)


def trained(recipe: Recipe, folder: Path) -> tuple[Model, str]:
    """A model, and all that was said."""
    listener = NoteRecorder()
    return run(recipe, folder, listener), "\n".join(listener.lines)


@pytest.mark.parametrize("task", TASKS)
def test_a_long_row_is_cut_told_and_answered(
    task: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It trains, scores and answers; counts name file, line, length and limit; what fits is answered as alone."""
    model, said = trained(request(task, tmp_path / "data"), tmp_path / "run")
    line = {"translate": 4, "classify": 3, "match": 2}[task]  # rows of an array are counted from 0
    assert f"train: 1 of {len(SHORT) + (2 if task == 'translate' else 1 if task == 'match' else 3)} " in said
    for split, place in (("train", line), ("valid", min(line, 3)), ("test", min(line, 3))):
        [note] = [note for note in said.splitlines() if note.startswith(f"{split}: 1 of ") and "cut to them" in note]
        assert f"the {CONTEXT} tokens" in note and f"{split}." in note and f" {place}" in note.partition("first:")[2]
    assert (tmp_path / "run" / "scores.json").exists() and "cut to them" in (tmp_path / "run/report.html").read_text()
    model.evaluate()
    assert "to be scored: 1 of" in capsys.readouterr().err
    if task == "match":
        [vector] = model.embed([LONG], "texts").values
        said = capsys.readouterr().err
        assert "1 of 1 text is longer" in said and "73 tokens, the first 16 were read" in said
        assert np.allclose(vector, model.embed([LONG[:30]], "texts").values[0], atol=1e-6)
        assert f"(first: {LONG[:40]!r}…: " in said
        asked = tmp_path / "asked.txt"
        asked.write_text(f"ab\n\n{LONG}\n", encoding="utf-8")
        ask_matcher(str(tmp_path / "run"), embed=True, among=[f"@{asked}"])
        assert f"1 of 2 texts is longer than the network reads at once (first: {asked} line 3: " in (
            capsys.readouterr().err
        )
        pictures = tmp_path / "pictures.txt"
        pictures.write_text(f"{tmp_path / 'a.png'}\n" * 3, encoding="utf-8")
        (tmp_path / "a.png").write_bytes(png((9, 9, 9)))
        monkeypatch.setattr(ask, "LINES_AT_ONCE", 1)
        ask_matcher(str(tmp_path / "run"), file=pictures, among=[f"@{asked}"])
        assert capsys.readouterr().err.count("is longer than the network reads") == 1
        return
    long, short = model.answer([LONG, "ab"])
    assert long[0].cut == f"{len(LONG.strip()) + 1 + LONG.endswith(' ')} tokens, the first 16 were read (data.long)"
    assert short[0].cut == "" and short[0].output == model.answer(["ab"])[0][0].output
    assert long[0].output == model.answer([LONG[:15]])[0][0].output
    left, kept = model.answer([LONG, "ab"], {"data.long": "leave"})
    assert left[0].output == "" and "left out" in left[0].cut and kept[0].output == short[0].output
    with pytest.raises(HeedfulError, match="the network reads 16 at once"):
        model.answer(["ab", LONG], {"data.long": "error"})


def test_targets_are_never_cut(tmp_path: Path) -> None:
    """To stop early is not to be learnt: such a pair is left out, whatever the sources' way is."""
    _, said = trained(request("translate", tmp_path / "data", data__long="cut"), tmp_path / "run")
    assert "train: 1 of 8 targets is longer than the 16 tokens" in said and "left out (data.long; first: " in said
    assert "train.tsv line 1, " in said


@pytest.mark.parametrize("task", TASKS)
def test_long_rows_are_left_out_or_stop_the_run_before_its_first_step(task: str, tmp_path: Path) -> None:
    _, said = trained(request(task, tmp_path / "data", data__long="leave"), tmp_path / "run")
    assert said.count("left out (data.long") == (4 if task == "translate" else 3)
    with pytest.raises(HeedfulError) as error:
        run(request(task, tmp_path / "data", data__long="error"), tmp_path / "refused", Quiet())
    assert "the network reads 16 at once" in error.value.problem and "train." in error.value.problem
    assert "data.long=" in error.value.cure and "sinusoidal" not in error.value.cure
    assert not (tmp_path / "refused" / "metrics.jsonl").exists()
    with pytest.raises(HeedfulError, match="reads a source whole"):
        run(request(task, tmp_path / "data", data__long="windows"), tmp_path / "windows", Quiet())


def label_series(folder: Path, **changes: Any) -> Recipe:
    """Series of up to 28 steps."""
    folder.mkdir(exist_ok=True)
    write_data(folder, SEED)
    data = {"data.train": [str(folder / "train")], "data.valid": [str(folder / "valid")], "data.overlap": "keep"}
    return recipes.build("label", data | TINY | {"network.name": "vaswani2017"} | changes)


def test_labels_are_told_in_windows(tmp_path: Path) -> None:
    """Every step has a label, what fits has those that it had, and each way has its rows."""
    model, said = trained(label_series(tmp_path), tmp_path / "run")
    assert "sequences are longer than the 16 tokens that the network reads at once: read in windows" in said
    long, short = (tmp_path / f"{name}.csv" for name in ("long", "short"))
    rows = [f"{step % 3},{step / 9:.3f}" for step in range(40)]
    long.write_text("\n".join(["x,y", *rows]) + "\n", encoding="utf-8")
    short.write_text("\n".join(["x,y", *rows[:16]]) + "\n", encoding="utf-8")
    [[whole], [part]] = model.answer([str(long), str(short)])
    assert whole.track and part.track and len(whole.tokens) == 40 and "in windows of 16" in whole.cut and not part.cut
    windows = whole.track.windows
    assert windows[0] == (0, 16) and windows[-1][1] == 40 and all(high - low == 16 for low, high in windows)
    assert all(after[0] < before[1] for before, after in pairwise(windows)) and part.track.windows == ()
    beginning = whole.track.probabilities[:8]  # before the second window begins
    assert np.allclose(beginning, part.track.probabilities[:8], atol=1e-5)
    [left], [kept] = model.answer([str(long), str(short)], {"data.long": "leave"})
    assert left.output == "" and "left out" in left.cut and kept.output == part.output
    for way, words in (("leave", "left out"), ("cut", "cut to them")):
        _, said = trained(label_series(tmp_path / way, **{"data.long": way}), tmp_path / f"{way}-run")
        assert f"at once: {words} (data.long" in said
    with pytest.raises(HeedfulError, match="the network reads 16 at once"):
        run(label_series(tmp_path / "error", **{"data.long": "error"}), tmp_path / "error-run", Quiet())


@pytest.mark.parametrize("way", ["auto", "leave"])
def test_a_published_network_labels_sentences_of_any_length(way: str, tmp_path: Path) -> None:
    names = ["O", "B-X"]
    start = bert(tmp_path / "bert", "BertForTokenClassification", **classes(names))
    sentences = [["unbelievably", "the", "cat"] * number + ["."] * (number < 3) for number in (1, 30, 2)]
    text = "\n".join("".join(f"{word}\t{names[len(word) % 2]}\n" for word in words) for words in sentences)
    (tmp_path / "data.conll").write_text(text, encoding="utf-8")
    data = {f"data.{split}": [str(tmp_path / "data.conll")] for split in ("train", "valid", "test")}
    request = PUBLISHED | data | {"data.overlap": "keep", "start": str(start), "data.long": way}
    model, said = trained(recipes.build("label", request), tmp_path / "run")
    assert "1 of 3 sequences is longer than the 40 tokens" in said and "data.conll line " in said
    [[answer]] = model.answer([" ".join(sentences[1])], {"data.long": "windows"})
    assert model.asked_with == '"…"'
    assert len(answer.tokens) == 90 and "tokens, read in windows of 40" in answer.cut
    words = [one.answer(["the cat."])[0][0].track for one in (model, load(tmp_path / "run"), load(start))]
    assert [track and track.words for track in words] == [("the", "cat", ".")] * 3


def test_a_word_with_more_pieces_than_positions_is_labelled_by_its_first(tmp_path: Path) -> None:
    """Such a word has a label, and takes none from its neighbours; a run learns from it, too."""
    names = ["O", "B-X"]
    sizes: dict[str, Any] = classes(names) | {"max_position_embeddings": 12}
    start = bert(tmp_path / "bert", "BertForTokenClassification", **sizes)
    word = "qxzjkvw" * 6
    [[alone], [among], [longer]] = load(start).answer([word, f"the cat {word} the dog", f"{word}qxz"])
    assert alone.track and among.track and longer.track and len(among.tokens) == 5
    assert "in windows of 12" in alone.cut
    assert "in windows of 12" in among.cut and np.allclose(alone.track.probabilities, longer.track.probabilities)
    (tmp_path / "data.conll").write_text(f"the\tO\n{word}\tB-X\n\na\tO\n", encoding="utf-8")
    data = {f"data.{split}": [str(tmp_path / "data.conll")] for split in ("train", "valid")}
    request = PUBLISHED | data | {"data.overlap": "keep", "start": str(start)}
    model, said = trained(recipes.build("label", request), tmp_path / "run")
    assert (
        "1 of 2 sequences is longer than the 12 tokens" in said and len(model.answer([f"a {word}"])[0][0].tokens) == 2
    )


def test_the_smaller_limit_of_an_ensemble_counts(tmp_path: Path) -> None:
    """What the second network cannot read is not read by the first, and the answers say so."""
    sizes = {name: {"max_position_embeddings": size} for name, size in (("wide", 40), ("narrow", 12))}
    folders = [
        bert(tmp_path / name, "BertForSequenceClassification", **(classes(["cat", "dog"]) | size))
        for name, size in sizes.items()
    ]
    both, long, beginning = load(*folders), "the cat sat on " * 5, "the cat sat on the cat sat on the cat"
    [answer], [short] = both.answer([long, beginning])
    assert answer.cut == "22 tokens, the first 12 were read (data.long)" and not short.cut
    assert answer.track and short.track and np.allclose(answer.track.probabilities, short.track.probabilities)
    assert not load(folders[0]).answer([long])[0][0].cut


@pytest.mark.parametrize("task", ["complete", "fill"])
def test_documents_are_read_in_windows_unless_the_recipe_says_otherwise(task: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(
        "".join(f'{{"text": "{text}"}}\n' for text in ("abcdef", "fedcba " * 9, "abcabc", "fedfed")), encoding="utf-8"
    )
    file = str(tmp_path / "train.jsonl")
    data = {"data.train": [file], "data.valid": [file], "data.overlap": "keep", "data.source_tokenizer": "characters"}
    network = {"complete": "gpt", "fill": "bert"}[task]
    said = {}
    for way in ("auto", "cut", "leave"):
        request = recipes.build(task, data | TINY | {"network.name": network, "data.window": 12, "data.long": way})
        model, said[way] = trained(request, tmp_path / way)
        if way == "auto":
            whole = model
    assert "data.long" not in said["auto"] and "train: 1 of 4 sources is longer than the 12 tokens" in said["cut"]
    assert said["leave"].count("left out (data.long; first: ") == 2 and "line 2" in said["leave"]
    with pytest.raises(HeedfulError, match="line 2: the source has"):
        run(
            recipes.build(task, dict(data) | TINY | {"network.name": network, "data.window": 12, "data.long": "error"}),
            tmp_path / "error",
            Quiet(),
        )
    if task == "fill":
        text = "abc[MASK]ef" + "abcdef" * 9 + "ab[MASK]def"
        [[answer], [short]] = whole.answer([text, "ab[MASK]d"])
        assert len(answer.ids) == 2 and "in windows of 12" in answer.cut and not short.cut
        [alone] = whole.answer(["ab[MASK]d"])
        assert alone[0].ids == short.ids
        assert whole.score([(text, answer.output)]) == pytest.approx([answer.score], abs=1e-4)
        return
    [[end]] = whole.answer(["abcdef" * 9], {"generate.max_length": 2, "generate.sample": False})
    assert "only the last 6 tokens of the text were read" in end.note
    scores = whole.score([("abc", "def" * 9), ("abc", "def")])
    assert scores[0] < scores[1] and scores[1] == pytest.approx(whole.score([("abc", "def")])[0], abs=1e-5)
    for changes in ({"generate.long_prompt": "error"}, {"data.long": "error"}):
        with pytest.raises(HeedfulError, match="the network reads 12 at once"):
            whole.answer(["abcdef" * 9], changes)


def test_networks_without_trained_positions_have_no_limit(tmp_path: Path) -> None:
    recipe = request("translate", tmp_path / "data", network__positions="sinusoidal", network__context=None)
    model, said = trained(recipe, tmp_path / "run")
    assert "data.long" not in said and not model.answer([LONG])[0][0].cut


def test_published_weights_learn_from_long_rows(tmp_path: Path) -> None:
    """BERT and CLIP, whose positions are their own, and Marian, which has a formula for them."""
    long = "the cat sat on the mat " * 20
    data = tmp_path / "data.tsv"
    data.write_text(f"the cat\tcat\nthe dog\tdog\n{long}\tdog\na cat\tcat\n", encoding="utf-8")
    common = PUBLISHED | {"data.train": [str(data)], "data.valid": [str(data)], "data.overlap": "keep"}
    start = bert(tmp_path / "bert", "BertForSequenceClassification", **classes(["cat", "dog"]))
    model, said = trained(recipes.build("classify", common | {"start": str(start)}), tmp_path / "classify")
    assert "train: 1 of 4 sources is longer than the 40 tokens" in said and "data.tsv line 3, 122 tokens" in said
    assert "the first 40" in load(start).answer([long])[0][0].cut
    common |= {"start": str(marian(tmp_path / "marian"))}
    model, said = trained(recipes.build("translate", common), tmp_path / "translate")
    assert model.answer(["a cat"])
    images = np.stack([picture(number, number, np.random.default_rng(SEED)) for number in range(3)])
    np.savez(tmp_path / "pictures.npz", images=images, texts=np.array(["a cat", long, "a dog"]))
    common |= {"start": str(clip(tmp_path / "clip")), "data.train": [str(tmp_path / "pictures.npz")]}
    common |= {"data.valid": [str(tmp_path / "pictures.npz")]}
    _, said = trained(recipes.build("match", common), tmp_path / "match")
    assert "train: 1 of 3 targets is longer than the 77 tokens" in said and "cut to them" in said


class Breaker(NoteRecorder):
    """Moves a file of the data away when scoring begins, as a full or failing disk would."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    def note(self, text: str) -> None:
        super().note(text)
        if text.startswith("scoring "):
            self.file.rename(self.file.with_suffix(".away"))


def test_rows_that_are_longer_than_given_weights_read_are_found_before_training(tmp_path: Path) -> None:
    """Published weights and a run set the limit, of the side that reads texts; a formula for positions sets none."""
    long = "the cat sat on the mat " * 20
    data = tmp_path / "data.tsv"
    data.write_text(f"the cat\tcat\nthe dog\tdog\n{long}\tdog\na cat\tcat\n", encoding="utf-8")
    start = bert(tmp_path / "bert", "BertForSequenceClassification", **classes(["cat", "dog"]))
    common = PUBLISHED | {"data.train": [str(data)], "data.valid": [str(data)], "data.overlap": "keep"}
    run(recipes.build("classify", common | {"start": str(start)}), tmp_path / "run", Quiet())
    for weights in (start, tmp_path / "run"):
        [finding] = [found for found in check("classify", data, start=weights).findings if "longer" in found.advice]
        assert finding.count == 1 and finding.lines[0].endswith("data.tsv line 3")
        assert f"than the 40 tokens that the network reads at once ({weights})" in finding.text
        assert "cuts them to their beginning" in finding.advice
    images = np.stack([picture(number, number, np.random.default_rng(SEED)) for number in range(3)])
    np.savez(tmp_path / "pictures.npz", images=images, texts=np.array(["a cat", long, "a dog"]))
    said = [found.text for found in check("match", tmp_path / "pictures.npz", start=clip(tmp_path / "clip")).findings]
    assert any("than the 77 tokens" in text for text in said)
    found = check("translate", data, start=marian(tmp_path / "marian")).findings
    assert not any("reads at once" in finding.text for finding in found)


def test_what_was_learnt_is_reported_though_scoring_fails(tmp_path: Path) -> None:
    """The weights, the curve and the reason are there, and the same command finishes the run."""
    recipe, folder = request("classify", tmp_path / "data"), tmp_path / "run"
    file = folder / "data" / "train" / "lengths.npy"
    with pytest.raises(HeedfulError, match="is trained, but could not be scored") as error:
        run(recipe, folder, Breaker(file))
    assert "lengths.npy" in error.value.problem and "the same command scores it again" in error.value.cure
    assert (folder / "model.safetensors").exists() and not (folder / "scores.json").exists()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "scoring failed" in page and "lengths.npy" in page and "2 steps" in page
    file.with_suffix(".away").rename(file)
    weights = (folder / "model.safetensors").read_bytes()
    _, said = trained(recipe, folder)
    assert "goes on from step 2" in said and (folder / "scores.json").exists()
    assert (folder / "model.safetensors").read_bytes() == weights
    assert "scoring failed" not in (folder / "report.html").read_text(encoding="utf-8")
