"""Several networks on the same data under the same budget."""

import json
import os
import shutil
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import cast

import torch

from heedful.api.model import Changes, Model, load
from heedful.api.run_folder import check_comparison_folder, check_run_folder, data_stem, finished, made
from heedful.api.scores import read_curve, read_scores
from heedful.api.train import budget, run
from heedful.data.folders import write_aside
from heedful.data.readers.rows import count
from heedful.data.samples.read import attribution
from heedful.errors import HeedfulError, unknown
from heedful.metrics import significance
from heedful.metrics.counts import Kind
from heedful.networks.lineage import LINEAGE
from heedful.networks.settings import describe
from heedful.report.pages import compare_page
from heedful.results import Comparison, Entry, Measure, Paired, Scores
from heedful.schema import Recipe
from heedful.tasks.recipes import change
from heedful.tasks.task import PreparedData, find_task
from heedful.training import decide
from heedful.training.checkpoint import write_file
from heedful.training.progress import Listener

WIDEST = 2048
SHOWN = 8  # examples whose answers stand side by side
NOTABLE = 0.05  # how far a network's weights may be from those asked for without a word

Contest = dict[tuple[str, int], Recipe]
"""A recipe for each network and seed."""


@dataclass(frozen=True)
class Showcase:
    """What every network of a comparison is shown with, in place of scored examples."""

    inputs: Sequence[str]
    aligned: str
    """What alignments are drawn of."""


def compare(
    recipe: Recipe,
    networks: Sequence[str],
    seeds: Sequence[int],
    output: Path | None,
    listener: Listener,
    weights: float | None = None,
    each: Mapping[str, Changes] | None = None,
    showcase: Showcase | None = None,
) -> Comparison:
    """Trains each network with each seed under the recipe's budget; chosen on valid, scored on test.

    `weights`: every network is made as wide as that many weights allow, so that sizes are equal too. `each`: changes
    to the recipe for a network of that name alone. Several seeds share one split (`data.seed`). Raises HeedfulError
    before any training for what can be known then.
    """
    folder = output or Path("runs/compare") / data_stem(recipe)
    check_comparison_folder(folder)
    contest = recipes_of(recipe, networks, seeds, each or {})
    recipe = replace(recipe, train=decide.resolve(recipe.train))
    places = {run: folder / (f"{run[0]}-{run[1]}" if len(seeds) > 1 else run[0]) for run in contest}
    for place in places.values():
        check_run_folder(place)
    sides = f"{count(len(networks), 'network')} × {count(len(seeds), 'seed')}"
    listener.note(f"{sides} × {budget(recipe)}{total(recipe, len(contest))}")
    if weights is not None:
        contest = as_wide_as(weights, contest, next(iter(places.values())), listener)
    for one, asked in contest.items():  # a run of another recipe in its place is refused now
        resolved = find_task(recipe.task).learning.resolve(asked)
        finished(places[one], asked, replace(resolved, train=decide.resolve(resolved.train)))
    entries: list[Entry] = []
    for (name, seed), asked in contest.items():
        lend(next(iter(places.values())), places[name, seed])
        entries.append(entry(run(asked, places[name, seed], listener), name, seed, showcase))
        refuse_others(entries[0], entries[-1])
    result = concluded(recipe, tuple(entries), networks)
    rows = [row for row in describe() if row["name"] in networks]
    page = compare_page(result, rows, prints_of(result), attribution(recipe.data.train))
    write_file(folder / "compare.html", lambda path: path.write_text(page, encoding="utf-8"))
    write_file(folder / "compare.json", lambda path: path.write_text(as_json(result)))
    listener.note(f"page: {folder / 'compare.html'}")
    return result


def as_json(result: Comparison) -> str:
    """All of it; drawings in base64."""
    return json.dumps(asdict(result), ensure_ascii=False, default=lambda png: b64encode(png).decode())


def prints_of(comparison: Comparison) -> Mapping[str, bytes]:
    """The pictures that a comparison's samples are about."""
    first = comparison.entries[0]
    return load(first.run).exhibits(first.scores).pictures if first.samples else {}


def recipes_of(recipe: Recipe, networks: Sequence[str], seeds: Sequence[int], each: Mapping[str, Changes]) -> Contest:
    """A recipe for each network and seed; raises HeedfulError if one of them asks for what there is not."""
    for some, what in ((networks, "network"), (seeds, "seed")):
        for one in some:
            if some.count(one) > 1:
                raise HeedfulError(f"The {what} {one} stands twice in the comparison.", "Name each of them once.")
    # Only what is scored on the same rows can be compared, so several seeds share the split of the first.
    split = {"data.seed": seeds[0]} if len(seeds) > 1 and recipe.data.seed == "auto" else {}
    learning = find_task(recipe.task).learning
    contest: Contest = {}
    for name in networks:
        if name not in LINEAGE:  # resolve would take "auto"
            raise unknown("network", name, LINEAGE)
        for seed in seeds:
            changes = split | {"network.name": name, "seed": seed} | dict(each.get(name, {}))
            contest[name, seed] = change(recipe, changes)
            learning.resolve(contest[name, seed])
    return contest


def lend(lender: Path, borrower: Path) -> None:
    """Gives a run the data that another one prepared, by links. If they are not what it needs, it prepares its own."""
    if (borrower / "data").exists() or not (lender / "data" / "prepared.json").exists():
        return
    with write_aside(borrower / "data") as partial:
        shutil.copytree(lender / "data", partial, copy_function=link, dirs_exist_ok=True)
    if (lender / "bad_rows.jsonl").exists():
        shutil.copy2(lender / "bad_rows.jsonl", borrower)


def refuse_others(one: Entry, other: Entry) -> None:
    """Raises HeedfulError if two runs were scored on different examples."""
    asked = [[(case.source, case.references) for case in entry.scores.cases] for entry in (one, other)]
    if asked[0] != asked[1]:
        raise HeedfulError(
            f"{one.run} and {other.run} were scored on different examples.",
            "Their data have changed since one of them was trained. Take another folder: -o runs/NAME",
        )


def link(source: str, target: str) -> None:
    """The same file under another name; a copy where a disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def concluded(recipe: Recipe, entries: tuple[Entry, ...], networks: Sequence[str]) -> Comparison:
    """The comparison of finished runs."""
    sides = {name: [one for one in entries if one.network == name] for name in networks}
    data = ", ".join(recipe.data.train)
    notes = () if recipe.data.test else ("No test file was given: scored on valid, by which each was also chosen.",)
    paired = {f"{one} vs {other}": difference(sides[one], sides[other]) for one, other in combinations(networks, 2)}
    over_runs = {name: over_seeds(side) for name, side in sides.items()} if len(sides[networks[0]]) > 1 else {}
    facts = find_task(recipe.task).facts
    return Comparison(recipe.task, data, budget(recipe), entries, paired, notes, over_runs, facts.view, facts.unit)


def entry(model: Model, network: str, seed: int, showcase: Showcase | None) -> Entry:
    """A run as a row of the comparison."""
    facts, scores = read_scores(model.folder)
    aligns = find_task(model.task).facts.aligns
    examples = model.prompts([case.source for case in scores.cases[:SHOWN]])
    inputs: Sequence[str] = showcase.inputs if showcase else () if aligns else examples
    return Entry(
        network=network,
        seed=seed,
        run=str(model.folder),
        weights=model.weights,
        scores=scores,
        curve=tuple(read_curve(model.folder)),
        train_tokens_per_second=facts.train_tokens_per_second,
        generate_tokens_per_second=facts.generate_tokens_per_second,
        peak_memory_mb=facts.peak_memory_mb,
        alignment=model.explain(showcase.aligned if showcase else middling(scores)) if aligns else None,
        samples=tuple(answers[0] for answers in model.answer(inputs)) if inputs else (),
    )


def difference(one: list[Entry], other: list[Entry]) -> Paired:
    """One network against another on the same examples: over items, and over seeds where there are several."""
    kind, references, measure = judged(one)
    if len(one) == 1:
        return significance.paired_test(outputs(one[0]), outputs(other[0]), references, kind, measure)
    sides = [[outputs(entry) for entry in side] for side in (one, other)]
    return significance.paired_test_over_runs(sides[0], sides[1], references, kind, measure)


def over_seeds(side: list[Entry]) -> dict[str, Measure]:
    """Each measure of one network with an interval that holds the luck of training too."""
    kind, references, _ = judged(side)
    runs = [outputs(entry) for entry in side]
    names = significance.countable_measures(kind, runs[0], references) & side[0].scores.measures.keys()
    return {name: significance.interval_over_runs(runs, references, kind, name) for name in sorted(names)}


def judged(side: list[Entry]) -> tuple[Kind, list[tuple[str, ...]], str]:
    """How a network's outputs are scored, against what, and by which measure first."""
    scores = side[0].scores
    return cast(Kind, scores.kind), [case.references for case in scores.cases], scores.primary


def outputs(entry: Entry) -> list[str]:
    """What a run answered, example by example."""
    return [case.output for case in entry.scores.cases]


def middling(scores: Scores) -> str:
    """A test source to show alignments of: long enough to be of interest, short enough to be read."""
    lengths = sorted(scores.cases, key=lambda case: abs(len(case.source) - 40))
    return lengths[0].source


def as_wide_as(weights: float, contest: Contest, place: Path, listener: Listener) -> Contest:
    """The recipes with widths whose networks come nearest to so many weights; data are prepared in `place` for it."""
    first = next(iter(contest.values()))
    learning = find_task(first.task).learning
    if first.network.width != "auto":
        raise HeedfulError("--weights decides the widths, and network.width is set.", "Leave one of them out.")
    with made(place):
        data = learning.prepare(learning.resolve(first), place, listener.note, None)
    found: dict[str, int] = {}
    for (name, _), recipe in contest.items():
        if name not in found:
            found[name], reached = nearest_width(weights, recipe, data)
            apart = f" ({reached / weights - 1:+.0%})" if abs(reached / weights - 1) >= NOTABLE else ""
            listener.note(f"{name}: width {found[name]}, {reached:,} weights{apart}")
    return {run: change(recipe, {"network.width": found[run[0]]}) for run, recipe in contest.items()}


def nearest_width(weights: float, recipe: Recipe, data: PreparedData) -> tuple[int, int]:
    """The width whose network comes nearest to so many weights, and how many it has."""
    learning = find_task(recipe.task).learning

    @cache
    def size(width: int) -> int:
        sized = learning.resolve_for_data(learning.resolve(change(recipe, {"network.width": width})), data)
        with torch.device("meta"):
            return sum(weight.numel() for weight in learning.build(sized, data).network.parameters())

    heads = learning.resolve(recipe).network.heads
    step = 2 if heads == "auto" else 2 * int(heads)  # two directions, or heads whose parts are turned in pairs
    widths = range(step, WIDEST + 1, step)
    if not size(widths[0]) * (1 - NOTABLE) <= weights <= size(widths[-1]) * (1 + NOTABLE):
        raise HeedfulError(
            f"No width gives {recipe.network.name} {weights:,.0f} weights.",
            f"On these data it can have {size(widths[0]):,} to {size(widths[-1]):,}.",
        )
    above = min(bisect_left(widths, weights, key=size), len(widths) - 1)
    width = min(widths[max(above - 1, 0) : above + 1], key=lambda width: abs(size(width) - weights))
    return width, size(width)


def total(recipe: Recipe, runs: int) -> str:
    """The minutes that all runs together will train."""
    return f" = {recipe.train.minutes * runs:g} minutes of training" if recipe.train.minutes else ""
