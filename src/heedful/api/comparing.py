"""Several networks on the same data under the same budget, and the demo, which is such a comparison."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any

import torch

from heedful import recipe as recipes
from heedful.api.model import Model
from heedful.api.running import budget, curve_of, run, scores_of
from heedful.errors import unknown
from heedful.metrics import significance
from heedful.metrics.counts import PRIMARY, Kind
from heedful.networks import lineage
from heedful.report.pages import compare_page
from heedful.report.picture import lineage_picture
from heedful.results import Comparison, Entry, Measure, Paired, Scores
from heedful.sections import Recipe
from heedful.tasks import task
from heedful.training import defaults
from heedful.training.checkpoint import write_file
from heedful.training.progress import Listener

# sized so that a minute is enough to be worth looking at; docs/log.md has the trials
DEMO: dict[str, dict[str, Any]] = {
    "cho2014": {},
    "bahdanau2015": {},
    "vaswani2017": {"network.width": 128, "network.depth": 2, "network.inner": 512},
}
# none of them is in cmudict: what a network makes of them it cannot have looked up
WORDS = ("heedful", "hangry", "covfefe", "pythonista", "doomscrolling", "flibbertigibbet", "schnitzelwagon")
ALIGNED = "heedfulness"


def compare(
    recipe: Recipe,
    networks: Sequence[str],
    seeds: Sequence[int],
    output: Path | None,
    listener: Listener,
    weights: float | None = None,
    each: Mapping[str, dict[str, Any]] | None = None,
) -> Comparison:
    """Trains each network with each seed under the recipe's budget; chosen on valid, scored on test.

    `weights`: every network is made as wide as that many weights allow, so that sizes are equal too. `each`: changes
    to the recipe for a network of that name alone.
    """
    for name in networks:
        if name not in lineage.LINEAGE:
            raise unknown("network", name, lineage.LINEAGE)
    recipe = recipe.model_copy(update={"train": defaults.resolve(recipe.train)})
    folder = output or Path("runs/compare") / Path(recipe.data.train[0].replace("://", "-")).stem
    listener.note(
        f"{len(networks)} networks × {len(seeds)} seeds × {budget(recipe)}{total(recipe, len(networks) * len(seeds))}"
    )
    entries: list[Entry] = []
    for name in networks:
        one = recipes.change(recipe, {"network.name": name} | (each or {}).get(name, {}))
        if weights:
            one = recipes.change(one, {"network.width": as_wide_as(one, weights, folder, listener)})
        for seed in seeds:
            place = folder / (f"{name}-{seed}" if len(seeds) > 1 else name)
            entries.append(entry(run(recipes.change(one, {"seed": seed}), place, listener), name, seed))
    result = concluded(recipe, tuple(entries), networks)
    page = compare_page(result, [row for row in lineage.describe() if row["name"] in networks])
    write_file(folder / "compare.html", lambda path: path.write_text(page, encoding="utf-8"))
    write_file(folder / "compare.json", lambda path: path.write_text(json.dumps(asdict(result), ensure_ascii=False)))
    listener.note(f"page: {folder / 'compare.html'}")
    return result


def concluded(recipe: Recipe, entries: tuple[Entry, ...], networks: Sequence[str]) -> Comparison:
    """The comparison of finished runs."""
    sides = {name: [one for one in entries if one.network == name] for name in networks}
    data = ", ".join(recipe.data.train)
    notes = () if recipe.data.test else ("No test file was given: scored on valid, by which each was also chosen.",)
    paired = {f"{one} vs {other}": difference(sides[one], sides[other]) for one, other in combinations(networks, 2)}
    over_runs = {name: over_seeds(side) for name, side in sides.items()} if len(sides[networks[0]]) > 1 else {}
    return Comparison(recipe.task, data, budget(recipe), entries, paired, notes, over_runs)


def demo(output: Path, minutes: float, listener: Listener) -> Comparison:
    """Learns to pronounce English three ways and compares them: the main job on real data (cmudict)."""
    files = {f"data.{part}": [f"sample://cmudict/{part}"] for part in ("train", "valid", "test")}
    settings = {"train.minutes": minutes, "train.valid_limit": 300, "train.batch_tokens": 1024}
    result = compare(recipes.build("translate", files | settings), list(DEMO), [0], output, listener, each=DEMO)
    aligned = [(entry.network, entry.alignment) for entry in result.entries if entry.alignment]
    lineage_picture(aligned, output / "alignments.png")
    return result


def entry(model: Model, network: str, seed: int) -> Entry:
    """A run as a row of the comparison."""
    facts, scores = scores_of(model.folder)
    samples = tuple(found[0] for found in model.answer(WORDS)) if is_demo(model.recipe) else ()
    longest = ALIGNED if is_demo(model.recipe) else middling(scores)
    return Entry(
        network=network,
        seed=seed,
        run=str(model.folder),
        weights=model.weights,
        scores=scores,
        curve=tuple(curve_of(model.folder)),
        train_tokens_per_second=facts["train_tokens_per_second"],
        generate_tokens_per_second=facts["generate_tokens_per_second"],
        peak_memory_mb=facts["peak_memory_mb"],
        alignment=model.explain(longest),
        samples=samples,
    )


def difference(one: list[Entry], other: list[Entry]) -> Paired:
    """One network against another on the same examples: over items, and over seeds where there are several."""
    kind, references, measure = judged(one)
    if len(one) == 1:
        return significance.paired(outputs(one[0]), outputs(other[0]), references, kind, measure)
    sides = [[outputs(entry) for entry in side] for side in (one, other)]
    return significance.paired_over_runs(sides[0], sides[1], references, kind, measure)


def over_seeds(side: list[Entry]) -> dict[str, Measure]:
    """Each measure of one network with an interval that holds the luck of training too."""
    kind, references, _ = judged(side)
    runs = [outputs(entry) for entry in side]
    names = side[0].scores.measures
    return {name: significance.interval_over_runs(runs, references, kind, name) for name in names}


def judged(side: list[Entry]) -> tuple[Kind, list[tuple[str, ...]], str]:
    """How a network's outputs are scored, against what, and by which measure first."""
    scores = side[0].scores
    kind: Kind = "symbols" if scores.primary == PRIMARY["symbols"] else "text"
    return kind, [case.references for case in scores.cases], scores.primary


def outputs(entry: Entry) -> list[str]:
    """What a run answered, example by example."""
    return [case.output for case in entry.scores.cases]


def middling(scores: Scores) -> str:
    """A test source to show alignments of: long enough to be of interest, short enough to be read."""
    lengths = sorted(scores.cases, key=lambda case: abs(len(case.source) - 40))
    return lengths[0].source


def is_demo(recipe: Recipe) -> bool:
    """Whether the data are the demo's, for which words of our own are at hand."""
    return recipe.data.train == ["sample://cmudict/train"]


def as_wide_as(recipe: Recipe, weights: float, folder: Path, listener: Listener) -> int:
    """The width whose network comes nearest to so many weights."""
    module = task(recipe.task)
    prepared = module.prepare(module.resolve(recipe), folder / ".shared", listener.note, None)

    def count(width: int) -> int:
        sized = module.resolve(recipes.change(recipe, {"network.width": width}))
        with torch.device("meta"):
            return sum(weight.numel() for weight in module.build(sized, prepared).network.parameters())

    heads = int(lineage.SIZE[recipe.network.size].heads)
    return min(range(2 * heads, 2049, 2 * heads), key=lambda width: abs(count(width) - weights))


def total(recipe: Recipe, runs: int) -> str:
    """The minutes that all runs together will train."""
    return f" = {recipe.train.minutes * runs:g} minutes of training" if recipe.train.minutes else ""
