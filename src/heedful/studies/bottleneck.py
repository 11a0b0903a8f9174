"""Quality by source length: what one vector holds, and what attention changed, on pairs that are real."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from heedful.api.compare import link_prepared_data
from heedful.api.scores import read_scores
from heedful.api.train import run
from heedful.data.checksums import hash_file
from heedful.data.samples.read import read
from heedful.report.curves import Curve
from heedful.results import Case
from heedful.schema import Recipe, Size
from heedful.studies.rules import LEARNT, NOTABLE, each, find, learnt, loss
from heedful.studies.study import Axes, Cell, Claim, Curves, Measurement, Options, Study
from heedful.tasks.recipes import build
from heedful.training.progress import Listener

ROWS = ("cho2014", "sutskever2014", "bahdanau2015", "luong2015", "vaswani2017")
MORE_ROWS = ("lstm", "ssru2019", "touvron2023", "mingru2024")
WORDS = 4  # of a phrase, at most
BINS = 6  # ranges of lengths, each with as many examples
SPLITS = ("train", "valid", "test")
BESIDE = 20.0  # seconds, for data and scores
SHARE = 12  # one in so many phrases is asked at the end, as many are for validation


@dataclass(frozen=True)
class Scale:
    """How many phrases there are, how wide networks are, and for how many minutes each learns."""

    phrases: int
    width: int
    minutes: float


SCALES: dict[Size, Scale] = {
    "tiny": Scale(120, 16, 0.01),
    "small": Scale(40_000, 64, 5.0),
    "base": Scale(200_000, 256, 60.0),
}


def cells(options: Options, folder: Path) -> list[Cell]:
    """A cell for each network and seed, in a run's folder of its own: one that was stopped goes on within it."""
    scale = SCALES[options.size]
    data = {"data": " ".join(f"{Path(file).name} {hash_file(Path(file))[:12]}" for file in options.files) or "cmudict"}
    settings = {"minutes": scale.minutes, "width": scale.width, "phrases": scale.phrases} | data
    return [
        Cell(
            {"network": row, "seed": seed} | settings,
            60 * scale.minutes + BESIDE,
            partial(measure, row, seed, options, folder),
            by_clock=True,
        )
        for seed in options.seeds
        for row in ROWS + MORE_ROWS * options.everything
    ]


def measure(
    row: str, seed: int, options: Options, folder: Path, scratch: Path, listener: Listener
) -> Iterator[Measurement]:
    """Trains a network, and scores its answers by the length of their sources."""
    runs = folder / "runs"
    own, first = runs / f"{row}-{options.size}-{seed}", runs / f"{ROWS[0]}-{options.size}-{seed}"
    link_prepared_data(first, own)
    model = run(recipe_of(row, seed, options, folder), own, listener)
    _, scores = read_scores(model.folder)
    for length, right in by_length(scores.cases, in_words=bool(options.files)):
        yield Measurement("length", row, length, right)


def recipe_of(row: str, seed: int, options: Options, folder: Path) -> Recipe:
    """How a network learns: the same pairs, minutes and width for each."""
    scale = SCALES[options.size]
    settings = {
        "network.name": row,
        "network.size": "tiny",
        "network.width": scale.width,
        "train.minutes": scale.minutes,
        "train.valid_every": 0,
        "train.valid_limit": 50,
        "generate.beam": 1,
        "data.seed": 0,  # all are asked the same
        "seed": seed,
    }
    if options.files:
        return build("translate", settings | {"data.train": list(options.files)})
    files = write_phrases(folder / f"phrases-{scale.phrases}", scale.phrases)
    kinds = {"data.source_tokenizer": "characters", "data.target_tokenizer": "symbols"}
    return build("translate", settings | kinds | {f"data.{split}": [file] for split, file in files.items()})


def write_phrases(folder: Path, phrases: int) -> dict[str, str]:
    """Words of cmudict joined to phrases of 1 to WORDS, with their pronunciations, each split of words of its own."""
    files = {split: folder / f"{split}.tsv" for split in SPLITS}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        for number, (split, file) in enumerate(files.items()):
            rng = np.random.default_rng(number)
            words = first_pronunciations(split)
            count = phrases if split == "train" else max(WORDS, min(phrases // SHARE, 1200))
            lines = "".join(phrase(words, 1 + index % WORDS, rng) for index in range(count))
            file.write_text(lines, encoding="utf-8")
    return {split: str(file) for split, file in files.items()}


def first_pronunciations(split: str) -> list[tuple[str, str]]:
    """The words of a split, each with the first of its pronunciations."""
    words: dict[str, str] = {}
    for row in read(f"sample://cmudict/{split}"):
        words.setdefault(row.columns["source"], row.columns["target"])
    return list(words.items())


def phrase(words: Sequence[tuple[str, str]], count: int, rng: np.random.Generator) -> str:
    """A line of so many words: their letters, and their sounds with a sign between words."""
    chosen = [words[index] for index in rng.integers(0, len(words), count)]
    return " ".join(word for word, _ in chosen) + "\t" + " | ".join(sounds for _, sounds in chosen) + "\n"


def by_length(cases: Sequence[Case], in_words: bool) -> list[tuple[float, float]]:
    """The mean length of each of BINS ranges of sources, and how much of the answers there is right, in percent."""
    ranked = sorted((len(case.source.split() if in_words else case.source), case.error) for case in cases)
    parts = [part for part in np.array_split(np.array(ranked, float), BINS) if len(part)]
    return [(round(float(part[:, 0].mean()), 1), float((100 - part[:, 1]).clip(0).mean())) for part in parts]


def has_learnt(curve: Curve) -> bool:
    """Whether a network has learnt the shortest at least: else its line is flat for another reason."""
    return learnt(curve, curve.points[0].x)


def one_vector_falls(curves: Curves) -> tuple[bool | None, str]:
    """Whether quality falls with length where all of the source is one vector."""
    (one,) = find(curves["length"], "cho2014")
    first, last = one.points[0], one.end
    evidence = f"cho2014: {first.y:.1f} % right at length {first.x:g}, {last.y:.1f} at {last.x:g}."
    return loss(one) >= 10 if has_learnt(one) else None, evidence


def attention_holds(curves: Curves) -> tuple[bool | None, str]:
    """Whether quality falls less where the source is attended to."""
    one, attending = found = find(curves["length"], "cho2014", "bahdanau2015")
    evidence = f"Points lost from the shortest third of the lengths to the longest: {each(found, loss)}."
    tells = loss(one) >= NOTABLE and has_learnt(attending)
    return loss(attending) <= loss(one) / 2 if tells else None, evidence


def reversal_helps(curves: Curves) -> tuple[bool | None, str]:
    """Whether deep LSTMs that read backwards lose less than one vector of a GRU."""
    one, deep = found = find(curves["length"], "cho2014", "sutskever2014")
    evidence = f"Points lost from the shortest third of the lengths to the longest: {each(found, loss)}; "
    evidence += f"right at the longest, %: {each(found, lambda curve: curve.end.y)}."
    tells = loss(one) >= NOTABLE and has_learnt(deep)
    return loss(deep) < loss(one) and deep.end.y > one.end.y if tells else None, evidence


def attention_alone_holds(curves: Curves) -> tuple[bool | None, str]:
    """Whether a Transformer answers long sources at least as well as what it replaced."""
    recurrent, alone = found = find(curves["length"], "bahdanau2015", "vaswani2017")
    evidence = f"Right at the longest, %: {each(found, lambda curve: curve.end.y)}; points lost: {each(found, loss)}."
    return alone.end.y >= recurrent.end.y if has_learnt(recurrent) or has_learnt(alone) else None, evidence


def done(options: Options) -> tuple[str, ...]:
    """What was done."""
    scale = SCALES[options.size]
    files = ", ".join(Path(file).name for file in options.files)
    data = (
        f"The pairs of {files}, some of which were held out; length is counted in words."
        if files
        else f"{scale.phrases:,} phrases of 1 to {WORDS} words of cmudict, from letters to sounds; those that are "
        "asked are made of words that were never learnt from. Length is counted in letters, blanks among them."
    )
    return (
        data,
        f"Every network has width {scale.width} and {scale.minutes:g} minutes of training, and answers greedily; right "
        f"is what 100 % less the error of an answer leaves. Seeds: {', '.join(map(str, options.seeds))}. Each "
        f"point is one of {BINS} ranges of lengths with as many examples. Of a "
        f"network that has less than {LEARNT} % right of the shortest, nothing is said.",
    )


STUDY = Study(
    name="bottleneck",
    question="Does quality fall with the length of the source?",
    axes=(
        Axes("length", "Quality by length", "source length", "right, %", "A flat line forgets nothing.", "", 0, 100),
    ),
    claims=(
        Claim(
            "Where all of the source is one vector, quality falls quickly as sources become longer.",
            "Cho et al. 2014b, figure 4",
            "cho2014 is 10 points worse in the longest third of the lengths than in the shortest",
            one_vector_falls,
        ),
        Claim(
            "With attention, quality does not fall with length.",
            "Bahdanau et al. 2015, figure 2",
            "bahdanau2015 loses at most half of the points that cho2014 loses from the shortest third to the longest",
            attention_holds,
        ),
        Claim(
            "Deep LSTMs that read the source backwards do well on long sentences, too.",
            "Sutskever et al. 2014, section 3.3 and figure 3",
            "sutskever2014 loses fewer points than cho2014, and has more right at the longest",
            reversal_helps,
        ),
        Claim(
            "Attention alone does what recurrence with attention did.",
            "Vaswani et al. 2017, table 2",
            "vaswani2017 has at least as much right at the longest as bahdanau2015",
            attention_alone_holds,
        ),
    ),
    cells=cells,
    done=done,
    to_try=(
        "heedful study bottleneck --data pairs.tsv",
        "heedful study bottleneck --seeds 0,1,2",
        "heedful translate runs/study/bottleneck/runs/bahdanau2015-small-0 'a few words'",
    ),
    takes_data=True,
)
