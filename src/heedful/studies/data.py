"""What a Vision Transformer has to learn that others have built in: accuracy as the training set grows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from heedful.api.scores import read_scores
from heedful.api.train import run
from heedful.data.samples.pictures import sample
from heedful.schema import Size
from heedful.studies.rules import NOTABLE, each, find, learnt
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.tasks.recipes import build
from heedful.training.progress import Listener

SIDE = 32  # pixels of a picture
BATCH = 32  # pictures

NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "ViT": {"network.name": "vit", "network.patch": 8, "train.batch_tokens": BATCH * 17},
    "ViT + stem": {"network.name": "vit", "network.stem": 2, "network.patch": 2, "train.batch_tokens": BATCH * 17},
    "gru": {"network.name": "gru", "train.batch_tokens": BATCH * SIDE},
    "bahdanau2015": {"network.name": "bahdanau2015", "train.batch_tokens": BATCH * SIDE},
}
"""A patch has 8 pixels a side, of the picture or by way of the stem; 16 of them stand behind a class token."""
MORE_NETWORKS: Mapping[str, Mapping[str, Any]] = {
    "lstm": {"network.name": "lstm", "train.batch_tokens": BATCH * SIDE},
    "mingru2024": {"network.name": "mingru2024", "train.batch_tokens": BATCH * SIDE},
    "frame + stem": {"network.name": "frame", "network.stem": 2, "network.patch": 2, "train.batch_tokens": BATCH * 16},
}
"""frame mixes no positions: all that it sees of neighbours are convolutions."""


@dataclass(frozen=True)
class Scale:
    """Which pictures, how many of them are learnt from, and how long."""

    pictures: str
    counts: tuple[int, ...]
    width: int
    steps: int
    seconds: float  # of a cell


SCALES: dict[Size, Scale] = {
    "tiny": Scale("digits/0", (20, 40), 16, 2, 1.2),
    "small": Scale("mnist", (100, 600, 4000), 64, 300, 12.5),
    "base": Scale("mnist", (50, 100, 200, 400, 800, 1600, 4000), 128, 6000, 400.0),
}


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each network, size of the training set and seed."""
    scale = SCALES[options.size]
    networks = {**NETWORKS, **(MORE_NETWORKS if options.everything else {})}
    settings = {"steps": scale.steps, "width": scale.width, "from": scale.pictures}
    return [
        Cell(
            {"network": name, "pictures": count, "seed": seed} | settings,
            scale.seconds,
            partial(measure, name, networks[name], count, seed, scale),
        )
        for seed in options.seeds
        for count in scale.counts
        for name in networks
    ]


def measure(
    name: str, network: Mapping[str, Any], count: int, seed: int, scale: Scale, folder: Path, listener: Listener
) -> Iterator[Measurement]:
    """Trains a classifier on so many pictures, and scores it on all that were set apart for tests."""
    files = {"data.train": folder / "train.npz", "data.valid": folder / "test.npz"}
    write_pictures(files["data.train"], f"sample://{scale.pictures}/train", count, seed)
    write_pictures(files["data.valid"], f"sample://{scale.pictures}/test")
    settings = {
        **{key: [str(file)] for key, file in files.items()},
        **network,
        "network.size": "tiny",
        "network.width": scale.width,
        "data.overlap": "keep",
        "train.steps": scale.steps,
        "data.picture": SIDE,
        "train.valid_every": 0,  # the last weights count: none are chosen by what is asked
        "train.augment": [],
        "train.mix": 0.0,
        "seed": seed,
    }
    _, scores = read_scores(run(build("classify", settings), folder / "run", listener).folder)
    yield Measurement("pictures", name, count, scores.measures["accuracy"].value)


def write_pictures(path: Path, name: str, count: int | None = None, seed: int = 0) -> None:
    """Writes pictures of a sample with their classes: all, or so many that are drawn by a seed."""
    chosen = sample(name)
    rows = np.random.default_rng(seed).permutation(len(chosen.rows))[:count]
    labels = np.array([row["target"] for row in chosen.rows])
    np.savez(path, images=np.asarray(chosen.pictures)[rows], labels=labels[rows])


def convolutions_help_where_data_are_few(curves: Curves) -> tuple[bool | None, str]:
    """Whether a stem pays most where there are the fewest pictures."""
    plain, stem = find(curves["pictures"], "ViT", "ViT + stem")
    few, many = plain.points[0].x, plain.end.x
    gains = [stem.at(x).y - plain.at(x).y for x in (few, many)]
    evidence = f"The stem gains {gains[0]:+.1f} points with {few:g} pictures, {gains[1]:+.1f} with {many:g}."
    return (gains[0] >= NOTABLE and gains[1] < gains[0]) if learnt(stem, many) else None, evidence


def transformers_catch_up(curves: Curves) -> tuple[bool | None, str]:
    """Whether a plain ViT is behind the others with few pictures and comes nearer with many."""
    plain, *others = found = find(curves["pictures"], "ViT", "gru", "bahdanau2015")
    few, many = plain.points[0].x, plain.end.x
    gaps = [max(other.at(x).y for other in others) - plain.at(x).y for x in (few, many)]
    evidence = (
        f"Accuracy with {few:g} pictures, %: {each(found, lambda curve: curve.at(few).y)}; with {many:g}: "
        f"{each(found, lambda curve: curve.end.y)}."
    )
    seen = gaps[0] >= NOTABLE and gaps[1] < gaps[0]
    return seen if any(learnt(curve, many) for curve in found) else None, evidence


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    return (
        f"Classifiers of width {scale.width} learn from {', '.join(f'{count:,}' for count in scale.counts)} pictures "
        f"of sample://{scale.pictures}, drawn anew with each seed, for {scale.steps:,} steps whatever their number, "
        f"in batches of {BATCH} and without augmentation; asked are all pictures that were set apart for tests.",
        f"ViT reads 16 patches of a picture of {SIDE} pixels a side behind a class token, with learned 1-D positions; "
        "with a stem it reads as many patches of what two convolutions leave. gru reads a picture row by row, and "
        "bahdanau2015's encoder does so from both ends. Seeds: "
        f"{', '.join(map(str, options.seeds))}.",
    )


STUDY = Study(
    name="data",
    question="What does a Vision Transformer have to learn that others have built in?",
    axes=(
        Axes(
            "pictures",
            "Accuracy by pictures learnt from",
            "pictures",
            "accuracy, %",
            "The steeper a line, the more is learnt from pictures rather than built in.",
            "x",
            0,
            100,
        ),
    ),
    claims=(
        Claim(
            "A Vision Transformer lacks what convolutions have built in, and is behind where pictures are few; with "
            "many it catches up.",
            "Dosovitskiy et al. 2021, figures 3 and 4",
            "ViT is 2 points behind the best recurrent reader with the fewest pictures, and less with the most",
            transformers_catch_up,
        ),
        Claim(
            "A convolutional stem gives a small Vision Transformer what it lacks.",
            "Xiao et al. 2021; Hassani et al. 2021",
            "the stem gains 2 points with the fewest pictures, and less with the most",
            convolutions_help_where_data_are_few,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study data --size base",
        "heedful study data --all",
        "heedful train classify photos/ --network vit network.stem=2",
    ),
    seeds=(0, 1),
)
