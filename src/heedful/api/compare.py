"""Several networks, or several settings of one, on the same data under the same budget."""

import json
import os
import shutil
from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import cast

from heedful.api.choose import settle
from heedful.api.contestants import Contestants, refuse_twice
from heedful.api.loading import load
from heedful.api.model import Model
from heedful.api.run_folder import (
    check_comparison_folder,
    check_run_folder,
    data_stem,
    decided_in,
    is_finished,
    open_run_folder,
)
from heedful.api.scores import read_curve, read_scores
from heedful.api.train import budget, run
from heedful.data.folders import write_atomically, write_file
from heedful.data.readers.rows import count
from heedful.data.samples.read import attribution
from heedful.errors import HeedfulError
from heedful.metrics import significance
from heedful.metrics.counts import Kind
from heedful.networks.meta import meta_device
from heedful.networks.settings import describe
from heedful.report.pages import compare_page
from heedful.report.words import join_words
from heedful.results import Comparison, Entry, Exhibits, Measure, Paired, Scores
from heedful.schema import Recipe
from heedful.tasks.models import PreparedData
from heedful.tasks.recipes import change
from heedful.tasks.task import find_task
from heedful.training import decide
from heedful.training.progress import Listener

WIDEST = 2048
SAMPLES = 6  # examples whose answers are shown side by side
NOTABLE_DEVIATION = 0.05  # how far a network's weights may be from those asked for without a word

Contest = dict[tuple[str, int], Recipe]
"""A recipe for each contestant and seed."""


@dataclass(frozen=True)
class Showcase:
    """What a comparison shows of every network, in place of scored examples."""

    inputs: Sequence[str]
    alignment_source: str
    """What alignments are drawn of."""


def compare(
    recipe: Recipe,
    contestants: Contestants,
    seeds: Sequence[int],
    output: Path | None,
    listener: Listener,
    weights: float | None = None,
    showcase: Showcase | None = None,
) -> Comparison:
    """Trains each network, or each setting, with each seed under the recipe's budget; chosen on valid, scored on test.

    `weights`: every network is made as wide as that many weights allow, so that sizes are equal too. Several seeds
    share one split (`data.seed`). Raises HeedfulError before any training for what can be known then.
    """
    folder = output or Path("runs/compare") / data_stem(recipe)
    contest, folders = lay_out(recipe, contestants, seeds, folder)
    decided_recipes = [replace(asked, train=decide.resolve(asked.train)) for asked in contest.values()]
    size = f"{count(len(contestants.changes), contestants.noun)} × {count(len(seeds), 'seed')}"
    listener.note(f"{size} × {budget_of_all(decided_recipes)}{minutes_of_all(decided_recipes)}")
    if weights is not None:
        contest = match_widths(weights, contest, next(iter(folders.values())), listener)
    for key, run_recipe in contest.items():  # a run of another recipe in its place is refused now
        decided = decided_in(folders[key], run_recipe) or run_recipe
        is_finished(folders[key], run_recipe, settle(find_task(recipe.task).learning, decided))
    entries: list[Entry] = []
    for (name, seed), run_recipe in contest.items():
        if contestants.noun != "network":  # of which runs speak by themselves
            listener.note(name)
        link_prepared_data(next(iter(folders.values())), folders[name, seed])
        entries.append(entry(run(run_recipe, folders[name, seed], listener), name, seed, showcase))
        refuse_other_examples(entries[0], entries[-1])
    result = build_comparison(recipe, tuple(entries), contestants, budget_of_all(decided_recipes))
    rows = lineage_of(contestants, list(contest.values()))
    page = compare_page(result, rows, sample_exhibits(result), attribution(recipe.data.train))
    write_file(folder / "compare.html", lambda path: path.write_text(page, encoding="utf-8"))
    write_file(folder / "compare.json", lambda path: path.write_text(as_json(result)))
    listener.note(f"page: {folder / 'compare.html'}")
    return result


def lay_out(
    recipe: Recipe, contestants: Contestants, seeds: Sequence[int], folder: Path
) -> tuple[Contest, dict[tuple[str, int], Path]]:
    """The recipes of a comparison and their folders; raises HeedfulError for what can be refused without a look at
    data.
    """
    if recipe.data.folds:
        raise HeedfulError(
            "compare has no cross-validation: every network learns from the same rows.",
            "Leave data.folds out; --seeds 0,1,2 trains each network several times.",
        )
    check_comparison_folder(folder)
    contest = recipes_of(recipe, contestants, seeds)
    folders = contestants.folders(folder, seeds)
    for run_folder in folders.values():
        check_run_folder(run_folder)
    return contest, folders


def lineage_of(contestants: Contestants, recipes: Sequence[Recipe]) -> list[dict[str, str]]:
    """The rows of the lineage that are compared; their ideas, where they are joined as the ideas are about."""
    used = {recipe.network.name for recipe in recipes}
    if contestants.noun != "network" and len(used) == 1:
        return []
    in_full = find_task(recipes[0].task).facts.join == "encoder_decoder"
    return [row if in_full else row | {"idea": ""} for row in describe() if row["name"] in used]


def budget_of_all(recipes: Iterable[Recipe]) -> str:
    """The budget of several recipes, which is one unless it is what is varied."""
    return join_words(list(dict.fromkeys(map(budget, recipes))), "or")


def minutes_of_all(recipes: Iterable[Recipe]) -> str:
    """The minutes that all of them together will train."""
    minutes = sum(recipe.train.minutes or 0 for recipe in recipes)
    return f" = {minutes:g} minutes of training" if minutes else ""


def as_json(result: Comparison) -> str:
    """A comparison as JSON; drawings in base64, probabilities of steps as lists."""
    return json.dumps(
        asdict(result),
        ensure_ascii=False,
        default=lambda value: b64encode(value).decode() if isinstance(value, bytes) else list(value),
    )


def sample_exhibits(comparison: Comparison) -> Exhibits:
    """The pictures and series that a comparison's samples are about."""
    first = comparison.entries[0]
    sources = {answer.source for answer in first.samples}
    cases = tuple(case for case in first.scores.cases if case.source in sources)
    return load(first.run).exhibits(replace(first.scores, cases=cases)) if cases else Exhibits()


def recipes_of(recipe: Recipe, contestants: Contestants, seeds: Sequence[int]) -> Contest:
    """A recipe for each contestant and seed; raises HeedfulError if one of them asks for what there is not."""
    refuse_twice([str(seed) for seed in seeds], "seed")
    # Only what is scored on the same rows can be compared, so several seeds share the split of the first.
    split = {"data.seed": seeds[0]} if len(seeds) > 1 and recipe.data.seed == "auto" else {}
    learning = find_task(recipe.task).learning
    contest: Contest = {}
    for name, changes in contestants.changes.items():
        if "data.train" in changes and not recipe.data.test:
            raise HeedfulError("Training files are compared on a test file.", "Name one: --test FILE")
        for seed in seeds:
            contest[name, seed] = change(recipe, {**split, "seed": seed, **changes})
            learning.resolve(contest[name, seed])
    return contest


def link_prepared_data(source: Path, target: Path) -> None:
    """Links the data that another run prepared. A run that needs other data prepares its own."""
    if (target / "data").exists() or not (source / "data" / "prepared.json").exists():
        return
    with write_atomically(target / "data") as partial:
        shutil.copytree(source / "data", partial, copy_function=link, dirs_exist_ok=True)
    if (source / "bad_rows.jsonl").exists():
        shutil.copy2(source / "bad_rows.jsonl", target)


def refuse_other_examples(first: Entry, other: Entry) -> None:
    """Raises HeedfulError if two runs were scored on different examples."""
    examples = [[(case.source, case.references) for case in entry.scores.cases] for entry in (first, other)]
    if examples[0] != examples[1]:
        raise HeedfulError(
            f"{first.run} and {other.run} were scored on different examples.",
            "Their data differ, or have changed since one of them was trained. Take another folder: -o runs/NAME",
        )


def link(source: str, target: str) -> None:
    """The same file under another name; a copy where a disk has no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def build_comparison(recipe: Recipe, entries: tuple[Entry, ...], contestants: Contestants, budget: str) -> Comparison:
    """The comparison of finished runs; the tests of all pairs are adjusted for how many there are."""
    entries_by_name = {name: [entry for entry in entries if entry.network == name] for name in contestants.changes}
    pairs = list(combinations(entries_by_name, 2))
    samples = significance.samples_for(len(pairs))
    tests = {
        f"{name} vs {other}": difference(entries_by_name[name], entries_by_name[other], samples)
        for name, other in pairs
    }
    over_runs = (
        {name: over_seeds(same_entries) for name, same_entries in entries_by_name.items()}
        if all(len(same_entries) > 1 for same_entries in entries_by_name.values())
        else {}
    )
    facts = find_task(recipe.task).facts
    return Comparison(
        recipe.task,
        ", ".join(recipe.data.test or recipe.data.train),
        budget,
        entries,
        significance.holm(tests),
        entries[0].scores.remarks,  # they are scored on the same examples
        over_runs,
        facts.view,
        facts.unit,
        contestants.noun,
    )


def entry(model: Model, name: str, seed: int, showcase: Showcase | None) -> Entry:
    """A run as a row of the comparison."""
    facts, scores = read_scores(model.folder)
    aligns = find_task(model.task).facts.aligns
    inputs = showcase.inputs if showcase else model.prompts(sampled_sources(scores))
    return Entry(
        network=name,
        seed=seed,
        run=str(model.folder),
        weights=model.weights,
        scores=scores,
        curve=tuple(read_curve(model.folder)),
        train_tokens_per_second=facts.train_tokens_per_second,
        generate_tokens_per_second=facts.generate_tokens_per_second,
        peak_memory_mb=facts.peak_memory_mb,
        alignment=model.align(showcase.alignment_source if showcase else medium_length_source(scores))
        if aligns
        else None,
        samples=tuple(answers[0] for answers in model.answer(inputs)) if inputs else (),
        training_seconds=facts.training_seconds,
    )


def sampled_sources(scores: Scores) -> list[str]:
    """A few sources of the scored examples: from the shortest to the longest, in even steps of length."""
    sources = list(dict.fromkeys(case.source for case in scores.cases))
    shortest, longest = (best(map(len, sources), default=0) for best in (min, max))
    chosen: list[str] = []
    for step in range(min(SAMPLES, len(sources))):
        length = shortest + step * (longest - shortest) / (SAMPLES - 1)
        chosen.append(min((one for one in sources if one not in chosen), key=lambda one: abs(len(one) - length)))
    return chosen


def difference(entries: list[Entry], other_entries: list[Entry], samples: int = significance.SAMPLES) -> Paired:
    """One network against another on the same examples: over items, and over seeds where there are several."""
    kind, references, measure = scoring_of(entries)
    sides = [[outputs(entry) for entry in network_entries] for network_entries in (entries, other_entries)]
    if len(entries) == 1:
        return significance.paired_test(sides[0][0], sides[1][0], references, kind, measure, samples)
    return significance.paired_test_over_runs(sides[0], sides[1], references, kind, measure, samples)


def over_seeds(entries: list[Entry]) -> dict[str, Measure]:
    """Each measure of a network with an interval that covers the variation of training too."""
    kind, references, _ = scoring_of(entries)
    runs = [outputs(entry) for entry in entries]
    names = significance.countable_measures(kind, runs[0], references) & entries[0].scores.measures.keys()
    return {name: significance.interval_over_runs(runs, references, kind, name) for name in sorted(names)}


def scoring_of(entries: list[Entry]) -> tuple[Kind, list[tuple[str, ...]], str]:
    """How a network's outputs are scored, against what, and by which measure first."""
    scores = entries[0].scores
    return cast(Kind, scores.kind), [case.references for case in scores.cases], scores.primary


def outputs(entry: Entry) -> list[str]:
    """What a run answered, example by example."""
    return [case.output for case in entry.scores.cases]


def medium_length_source(scores: Scores) -> str:
    """The test source whose length is nearest to 40 characters, for which alignments are shown."""
    ranked = sorted(scores.cases, key=lambda case: abs(len(case.source) - 40))
    return ranked[0].source


def match_widths(weights: float, contest: Contest, folder: Path, listener: Listener) -> Contest:
    """The recipes with widths whose networks come nearest to so many weights; data are prepared in `folder` for it."""
    first = next(iter(contest.values()))
    learning = find_task(first.task).learning
    if any(other.data != first.data for other in contest.values()):
        raise HeedfulError("--weights takes networks on the same data, and data are varied.", "Leave --weights out.")
    if first.network.width != "auto":
        raise HeedfulError("--weights decides the widths, and network.width is set.", "Leave one of them out.")
    with open_run_folder(folder):
        data = learning.prepare(learning.resolve(first), folder, listener.note, None)
    widths: dict[str, int] = {}
    for (name, _), recipe in contest.items():
        if name not in widths:
            widths[name], weight_count = nearest_width(weights, recipe, data)
            deviation = (
                f" ({weight_count / weights - 1:+.0%})" if abs(weight_count / weights - 1) >= NOTABLE_DEVIATION else ""
            )
            listener.note(f"{name}: width {widths[name]}, {weight_count:,} weights{deviation}")
    return {run: change(recipe, {"network.width": widths[run[0]]}) for run, recipe in contest.items()}


def nearest_width(weights: float, recipe: Recipe, data: PreparedData) -> tuple[int, int]:
    """The width whose network comes nearest to so many weights, and how many it has."""
    learning = find_task(recipe.task).learning

    @cache
    def size(width: int) -> int:
        with_width = learning.resolve_for_data(learning.resolve(change(recipe, {"network.width": width})), data)
        with meta_device():
            return sum(weight.numel() for weight in learning.build(with_width, data).network.parameters())

    heads = learning.resolve(recipe).network.heads
    step = 2 if heads == "auto" else 2 * int(heads)  # two directions, or heads whose parts are turned in pairs
    widths = range(step, WIDEST + 1, step)
    if not size(widths[0]) * (1 - NOTABLE_DEVIATION) <= weights <= size(widths[-1]) * (1 + NOTABLE_DEVIATION):
        raise HeedfulError(
            f"No width gives {recipe.network.name} {weights:,.0f} weights.",
            f"On these data it can have {size(widths[0]):,} to {size(widths[-1]):,}.",
        )
    index = min(bisect_left(widths, weights, key=size), len(widths) - 1)
    width = min(widths[max(index - 1, 0) : index + 1], key=lambda width: abs(size(width) - weights))
    return width, size(width)
