"""Several networks on the same data under the same budget, and the demo, which is such a comparison."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import combinations
from pathlib import Path

import torch

from heedful import recipe as recipes
from heedful.api.model import Model
from heedful.api.running import budget, curve_of, run, scores_of
from heedful.errors import unknown
from heedful.metrics import significance
from heedful.networks import lineage
from heedful.recipe import Recipe
from heedful.report.pages import compare_page
from heedful.results import Comparison, Entry, Paired, Scores
from heedful.tasks import task
from heedful.training import defaults
from heedful.training.checkpoint import write_file
from heedful.training.progress import Listener

DEMO = ("cho2014", "bahdanau2015", "vaswani2017")
# heard of, but in no dictionary of 1990s newspapers: what a network makes of them it cannot have looked up
WORDS = ("heedful", "attentiveness", "covfefe", "pythonista", "schnitzelwagon", "supercalifragilistic")
ALIGNED = "heedfulness"


def compare(
    recipe: Recipe,
    networks: Sequence[str],
    seeds: Sequence[int],
    output: Path | None,
    listener: Listener,
    weights: float | None = None,
) -> Comparison:
    """Trains each network with each seed under the recipe's budget; chosen on valid, scored on test.

    `weights`: every network is made as wide as that many weights allow, so that sizes are equal too.
    """
    for name in networks:
        if name not in lineage.LINEAGE:
            raise unknown("network", name, lineage.LINEAGE)
    recipe = recipe.model_copy(update={"train": defaults.resolve(recipe.train)})
    folder = output or Path("runs/compare") / Path(recipe.data.train[0].replace("://", "-")).stem
    listener.note(
        f"{len(networks)} networks × {len(seeds)} seeds × {budget(recipe)}{total(recipe, len(networks) * len(seeds))}"
    )
    models: dict[tuple[str, int], Model] = {}
    for name in networks:
        for seed in seeds:
            one = recipes.change(recipe, {"network.name": name, "seed": seed})
            if weights:
                one = recipes.change(one, {"network.width": as_wide_as(one, weights, folder, listener)})
            models[name, seed] = run(one, folder / f"{name}-{seed}" if len(seeds) > 1 else folder / name, listener)
    entries = tuple(entry(model, name, seed) for (name, seed), model in models.items())
    notes = (
        ()
        if len(seeds) > 1
        else ("One seed each: intervals are over examples, and the luck of training is not in them.",)
    )
    result = Comparison(
        recipe.task, ", ".join(recipe.data.train), budget(recipe), entries, differences(entries, networks), notes
    )
    page = compare_page(result, [row for row in lineage.describe() if row["name"] in networks])
    write_file(folder / "compare.html", lambda path: path.write_text(page, encoding="utf-8"))
    write_file(folder / "compare.json", lambda path: path.write_text(json.dumps(asdict(result), ensure_ascii=False)))
    listener.note(f"page: {folder / 'compare.html'}")
    return result


def demo(output: Path, minutes: float, listener: Listener) -> Comparison:
    """Learns to pronounce English three ways and compares them: the main job on real data (cmudict)."""
    files = {f"data.{part}": [f"sample://cmudict/{part}"] for part in ("train", "valid", "test")}
    recipe = recipes.build("translate", files | {"train.minutes": minutes, "train.valid_limit": 300})
    return compare(recipe, DEMO, [0], output, listener)


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


def differences(entries: Sequence[Entry], networks: Sequence[str]) -> dict[str, Paired]:
    """Each network against each other on the same test examples, over items, and over seeds where there are several."""
    found: dict[str, Paired] = {}
    for one, other in combinations(networks, 2):
        sides = [[entry for entry in entries if entry.network == name] for name in (one, other)]
        outputs = [[[case.output for case in entry.scores.cases] for entry in side] for side in sides]
        references = [case.references for case in sides[0][0].scores.cases]
        measure = sides[0][0].scores.primary
        kind = "symbols" if measure == "symbol_error" else "text"
        if len(sides[0]) == 1:
            found[f"{one} vs {other}"] = significance.paired(outputs[0][0], outputs[1][0], references, kind, measure)
        else:
            found[f"{one} vs {other}"] = significance.paired_over_runs(
                outputs[0], outputs[1], references, kind, measure
            )
    return found


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
