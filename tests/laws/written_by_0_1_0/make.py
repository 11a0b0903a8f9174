"""Writes the runs of this folder: for each task a finished and a half-finished one, tiny, with what they answer.

Run it with the source of the version whose runs are wanted (0.1.0 is commit 7de92a6), from the top of its checkout:

    PYTHONPATH=src OMP_NUM_THREADS=1 python tests/laws/written_by_0_1_0/make.py FOLDER

FOLDER then holds

    machine.json              the machine, PyTorch and the exporters that wrote the runs
    data/                     what the recipes name, by paths relative to FOLDER
    NAME/recipe.toml          the recipe as it was asked for
    NAME/finished/            the run at its end, without its report, its card and its checkpoints
    NAME/half/                the same recipe, stopped in the middle
    NAME/expected.json        what the finished run answers, the sha256 of its exports and of what `half` comes to; what
                              it scores stands in finished/scores.json

Two calls write the same bytes, apart from seconds and from the manifests that hash files with seconds. Nothing here is
ever made anew for a later version: that these runs go on is what is tested.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from contextlib import chdir, suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import tomli_w
from PIL import Image
from record import FORMATS, answers, engines, export_hashes, machine, outcome, output_of, settle_times

SEED = 0
COLOURS, SHAPES = ("red", "green", "blue"), ("bar", "dot", "cross", "frame")
SIDE = 12  # of a picture, in pixels
TRANSFORMER = {"size": "tiny", "width": 8, "depth": 1, "heads": 2, "inner": 16, "dropout": 0.1}
RECURRENT = {"size": "tiny", "width": 8, "depth": 1, "dropout": 0.1}
TRAIN = {
    "steps": 12,
    "valid_every": 4,
    "batch_tokens": 64,
    "learning_rate": 0.01,
    "device": "cpu",
    "threads": 1,
    "precision": "float32",
}


@dataclass(frozen=True)
class RunSpec:
    """A run to be made: its recipe by sections, and how its half-finished twin ends."""

    task: str
    files: str  # data/<files>-train.<ending> and data/<files>-valid.<ending>, {} in their place
    network: dict[str, Any]
    data: dict[str, Any]
    train: dict[str, Any]
    start: str = ""
    generate: dict[str, Any] | None = None
    saved: bool = True  # stopped by SIGTERM, with time to save; False: by an error between two checkpoints
    stop: tuple[str, int] = ("main", 6)  # after this step of the main part, or of the codebook


FROZEN = ("down.1", "down.2", "down.3", "down.4", "down.5", "up.1", "up.2", "up.3", "up.4", "up.5")
"""Convolutions of a codebook that do not learn here."""
CHARACTERS = {"source_tokenizer": "characters", "window": 12}
RUNS = {
    "classify-texts": RunSpec("classify", "texts-{}.tsv", {"name": "gru", **RECURRENT}, {}, {}),
    "classify-published-vit": RunSpec(
        "classify", "labels-{}.csv", {}, {}, {"layer_decay": 0.7}, "data/vit", saved=False
    ),
    "caption": RunSpec("caption", "captions-{}.csv", {"name": "bahdanau2015", **RECURRENT}, {}, {}),
    "draw": RunSpec(
        "draw",
        "captions-{}.csv",
        {"name": "vaswani2017", **TRANSFORMER},
        {"picture": 6, "colours": "gray"},
        {"drop_source": 0.2},
        saved=False,
    ),
    # No codebook has fewer than 100,000 weights. Most are frozen, which keeps them out of the optimizer's state.
    "draw-codebook": RunSpec(
        "draw",
        "captions-{}.csv",
        {"name": "gru", **RECURRENT, "codes": 256},
        {"picture": 8, "colours": "rgb"},
        {"codebook": 0.5, "freeze": [f"codebook.{part}" for part in FROZEN]},
        stop=("codebook", 2),
    ),
    "translate-attention": RunSpec(
        "translate",
        "pairs-{}.tsv",
        {"name": "bahdanau2015", **RECURRENT},
        {"shared_tokenizer": True, "source_tokenizer": "bpe", "vocabulary": 270},
        {"accumulate": 2},
        saved=False,
    ),
    "translate-transformer": RunSpec("translate", "pairs-{}.tsv", {"name": "vaswani2017", **TRANSFORMER}, {}, {}),
    "label-tokens": RunSpec("label", "steps-{}.conll", {"name": "gru", **RECURRENT}, {}, {}),
    "label-series": RunSpec(
        "label", "series/{}", {"name": "vaswani2017", **TRANSFORMER}, {"window": 8}, {"smooth_steps": 0.1}, saved=False
    ),
    "label-published-bert": RunSpec("label", "steps-{}.conll", {}, {}, {"freeze": ["embedding"]}, "data/bert"),
    "complete": RunSpec(
        "complete",
        "documents-{}.jsonl",
        {"name": "gpt", **TRANSFORMER, "context": 20},
        CHARACTERS,
        {},
        generate={"max_length": 6},
    ),
    "fill": RunSpec(
        "fill",
        "documents-{}.jsonl",
        {"name": "bert", **TRANSFORMER, "context": 20},
        CHARACTERS,
        {"whole_words": True},
        saved=False,
    ),
    # A batch of this task must hold several pairs, and its best step is the fourth.
    "match": RunSpec(
        "match",
        "captions-{}.csv",
        {"name": "clip", **TRANSFORMER, "context": 20},
        {},
        {"batch_tokens": 512},
        stop=("main", 2),
    ),
}


def main(folder: Path) -> None:
    """Writes everything into a new folder."""
    folder.mkdir(parents=True)
    with TemporaryDirectory() as cache, chdir(folder):
        os.environ["HEEDFUL_CACHE"] = cache
        write_data(Path("data"))
        settle_times(Path("data"))
        write_json(Path("machine.json"), {"machine": machine(), "engines": engines()})
        for name, spec in RUNS.items():
            print(name, flush=True)
            make(name, spec)


def make(name: str, spec: RunSpec) -> None:
    """Writes the finished and the half-finished runs of one recipe, and what is expected of them."""
    folder = Path(name)
    folder.mkdir()
    (folder / "recipe.toml").write_text(tomli_w.dumps(recipe_of(spec)), encoding="utf-8")
    finished, half, again = folder / "finished", folder / "half", folder / "again"
    train(folder, finished, None)
    train(folder, half, Stop(*spec.stop, spec.saved))
    shutil.copytree(half, again)
    output_of(["train", str(half / "recipe.toml"), "-o", str(again)])
    assert outcome(again) == outcome(finished), f"{half} does not come to the same end"
    expected = {
        "answers": answers(name, finished),
        "outcome": outcome(finished),
        "exports": {target: files for target in FORMATS if (files := export_hashes(finished, target, folder / target))},
    }
    write_json(folder / "expected.json", expected)
    for path in (again, *(folder / target for target in expected["exports"])):
        shutil.rmtree(path)
    for run in (finished, half):
        clean(run)


def recipe_of(spec: RunSpec) -> dict[str, Any]:
    """The recipe as it is asked for, as TOML has it."""
    parts = {part: [f"data/{spec.files.format(part)}"] for part in ("train", "valid")}
    sections = {
        "data": {**parts, "overlap": "keep", **spec.data},
        "network": spec.network,
        "train": TRAIN | spec.train,
        "generate": spec.generate or {},
    }
    start = {"start": spec.start} if spec.start else {}
    return {"task": spec.task, "seed": SEED, **start, **sections}


class Stop:
    """A listener that stops a training after a step of one of its parts, with time to save or without."""

    def __init__(self, part: str, step: int, saved: bool) -> None:
        self.at, self.saved, self.part = (part, step), saved, ""

    def note(self, text: str) -> None: ...

    def begin(self, title: str, total: str) -> None:
        self.part = title if title == "codebook" else "main"

    def step(self, done: float, text: str) -> None:
        if self.at != (self.part, int(text.split(" · ")[0].removeprefix("step "))):
            return
        if not self.saved:
            raise KeyboardInterrupt
        os.kill(os.getpid(), signal.SIGTERM)

    def end(self, text: str = "") -> None: ...


def train(folder: Path, run: Path, stop: Stop | None) -> None:
    """Trains the folder's recipe to its end, or until it is stopped."""
    if stop is None:
        output_of(["train", str(folder / "recipe.toml"), "-o", str(run)])
        return
    # By name, since only the version that this is run with must have them.
    load: Callable[..., Any] = import_module("heedful.recipe").load
    run_recipe: Callable[..., Any] = import_module("heedful.api").run
    with suppress(KeyboardInterrupt):
        run_recipe(load(folder / "recipe.toml"), run, stop)
    assert not (run / "scores.json").exists(), f"{run} was not stopped"


def clean(run: Path) -> None:
    """Takes away what nothing reads again: the report and the card; of a finished run all checkpoints, as their hashes
    are expected; of another one those before the newest.
    """
    ended = (run / "scores.json").exists()
    for name in ("report.html", "README.md", *(("checkpoints", "codebook") if ended else ())):
        path = run / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    for old in sorted((run / "checkpoints").glob("step-*"))[:-1]:
        shutil.rmtree(old)


def write_data(folder: Path) -> None:
    """Writes pictures, texts, series and published weights."""
    for inner in ("pictures", "series/train", "series/valid"):
        (folder / inner).mkdir(parents=True)
    draw = np.random.default_rng(SEED)
    write_pictures(folder, draw)
    write_texts(folder, draw)
    for part, count in (("train", 12), ("valid", 4)):
        for number in range(count):
            write_series(folder / "series" / part / f"{number:02}.csv", draw)
    write_vit(folder / "vit")
    write_bert(folder / "bert")


def write_pictures(folder: Path, draw: np.random.Generator) -> None:
    """Twelve kinds of pictures with their shapes as labels and sentences as captions: 24 to learn from, 12 others."""
    kinds = list(product(range(len(COLOURS)), range(len(SHAPES)))) * 3
    rows = []
    for number, (colour, shape) in enumerate(kinds):
        pixels = np.zeros((SIDE, SIDE, 3), np.uint8)
        y, x = draw.integers(0, SIDE - 6, 2)
        inside = pixels[y : y + 7, x : x + 7, colour]
        inside[(np.s_[2:5, :], np.s_[2:5, 2:5], np.s_[3, :], np.s_[0, :])[shape]] = 250
        if SHAPES[shape] == "cross":
            inside[:, 3] = 250
        if SHAPES[shape] == "frame":
            inside[-1, :] = inside[:, 0] = inside[:, -1] = 250
        Image.fromarray(pixels).save(folder / "pictures" / f"{number:02}.png")
        rows.append((f"pictures/{number:02}.png", SHAPES[shape], f"a {COLOURS[colour]} {SHAPES[shape]}"))
    for part, chosen in (("train", rows[:24]), ("valid", rows[24:])):
        write_lines(
            folder / f"labels-{part}.csv", ["file_name,label", *(f"{path},{label}" for path, label, _ in chosen)]
        )
        write_lines(
            folder / f"captions-{part}.csv", ["file_name,text", *(f"{path},{text}" for path, _, text in chosen)]
        )


def write_texts(folder: Path, draw: np.random.Generator) -> None:
    """Texts with a class, pairs that are turned round, tagged words, and documents."""
    nouns, verbs = ("dog", "cat", "house", "river"), ("sleeps", "sees", "stands")
    for part, count in (("train", 30), ("valid", 8)):
        texts, pairs, steps, documents = [], [], [], []
        for _ in range(count):
            good = bool(draw.integers(2))
            words = draw.choice(("fine", "warm", "sun") if good else ("cold", "wet", "rain"), 3)
            texts.append(f"a {' '.join(words)} day\t{'good' if good else 'bad'}")
            letters = draw.choice([*"abcdefgh"], draw.integers(1, 6))
            pairs.append(f"{' '.join(letters)}\t{' '.join(letters[::-1])}")
            tagged = (draw.choice(("the", "a")), "DET"), ("old", "ADJ"), (draw.choice(nouns), "NOUN")
            steps += [f"{word}\t{tag}" for word, tag in (*tagged, (draw.choice(verbs), "VERB"))] + [""]
            first, second = draw.integers(0, 7, 2)
            documents.append(json.dumps({"text": f"{'abcdefgh'[first:]} {'12345678'[second:]}"}))
        write_lines(folder / f"texts-{part}.tsv", texts)
        write_lines(folder / f"pairs-{part}.tsv", pairs)
        write_lines(folder / f"steps-{part}.conll", steps)
        write_lines(folder / f"documents-{part}.jsonl", documents)


def write_series(path: Path, draw: np.random.Generator) -> None:
    """Two channels; a step is up, down or flat by how the first moves."""
    moves = draw.integers(-1, 2, draw.integers(5, 9)).repeat(2)
    steps = zip(moves.cumsum(), draw.normal(size=len(moves)), moves, strict=True)
    write_lines(path, ["x,y,label", *(f"{x},{y:.3f},{('flat', 'up', 'down')[move]}" for x, y, move in steps)])


def write_vit(folder: Path) -> None:
    """A picture classifier of three classes in the Hugging Face layout."""
    transformers, sizes = import_module("transformers"), published_sizes()
    import_module("torch").manual_seed(SEED)
    names = dict(enumerate(("bar", "dot", "owl")))
    labels = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
    config = transformers.ViTConfig(**sizes, **labels, image_size=SIDE, patch_size=4)
    write_published(transformers.ViTForImageClassification(config), folder)
    size, mean, std = {"height": SIDE, "width": SIDE}, [0.5, 0.4, 0.3], [0.5, 0.6, 0.7]
    steps = {"do_resize": True, "do_rescale": True, "do_normalize": True, "rescale_factor": 1 / 255, "resample": 2}
    kind = {"image_processor_type": "ViTImageProcessor"}
    write_json(folder / "preprocessor_config.json", kind | steps | {"size": size, "image_mean": mean, "image_std": std})


def write_bert(folder: Path) -> None:
    """An encoder with a vocabulary of word pieces in the Hugging Face layout."""
    transformers = import_module("transformers")
    import_module("torch").manual_seed(SEED)
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "a", "old", "dog", "house", "river", "sleep", "##s"]
    pieces += ["see", "stand", *(f"##{letter}" for letter in "act"), *"act"]
    config = transformers.BertConfig(vocab_size=len(pieces), **published_sizes(), max_position_embeddings=16)
    write_published(transformers.BertForMaskedLM(config), folder)
    write_lines(folder / "vocab.txt", pieces)
    write_json(folder / "tokenizer_config.json", {"do_lower_case": True, "tokenizer_class": "BertTokenizer"})


def published_sizes() -> dict[str, int]:
    return {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}


def write_published(model: Any, folder: Path) -> None:
    """Writes weights that are far from where training begins."""
    torch, draw = import_module("torch"), np.random.default_rng(SEED)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.from_numpy(draw.normal(0, 0.3, tuple(weight.shape)).astype(np.float32)))
    model.save_pretrained(folder)
    for path in folder.iterdir():
        if path.name not in ("config.json", "model.safetensors"):
            path.unlink()


def write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
