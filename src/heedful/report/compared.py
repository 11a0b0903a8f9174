"""A comparison as rows, one for each network, over all of its seeds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import mean

from heedful.metrics.verdicts import is_decidable, is_decided
from heedful.report import words
from heedful.results import Bin, Comparison, Entry, Measure, Paired

TOO_FEW = "too few to tell"
FEW_SEEDS = 3  # of which intervals over seeds are too narrow


@dataclass(frozen=True)
class NetworkRow:
    """One network, or setting, of a comparison.

    `time_to_score`: training seconds until it was as good on the validation split as the weakest ever got.
    `shortfall`: that it is not better than the baseline, in words; "" where it is, and where there is no baseline.
    """

    network: str
    seeds: int
    measures: dict[str, Measure]
    weights: int
    training_seconds: float
    train_tokens_per_second: float
    generate_tokens_per_second: float
    peak_memory_mb: float
    time_to_score: float | None
    verdict: str
    shortfall: str


def rows(comparison: Comparison) -> list[NetworkRow]:
    """A row for each network, in the order of the entries; means over seeds where there are several."""
    networks = by_network(comparison)
    measures = {name: over_seeds(comparison, name, entries) for name, entries in networks.items()}
    best = best_network(comparison, measures)
    threshold = weakest_best(comparison)
    return [
        NetworkRow(
            network=name,
            seeds=len(entries),
            measures=measures[name],
            weights=entries[0].weights,
            training_seconds=mean(entry.training_seconds for entry in entries),
            train_tokens_per_second=mean(entry.train_tokens_per_second for entry in entries),
            generate_tokens_per_second=mean(entry.generate_tokens_per_second for entry in entries),
            peak_memory_mb=max(entry.peak_memory_mb for entry in entries),
            time_to_score=time_to_score(entries, threshold),
            verdict=verdict(comparison, best, name),
            shortfall=shortfall(entries, measures[name]),
        )
        for name, entries in networks.items()
    ]


def by_network(comparison: Comparison) -> dict[str, list[Entry]]:
    """The entries of each network, in the order in which networks first appear."""
    networks: dict[str, list[Entry]] = {}
    for entry in comparison.entries:
        networks.setdefault(entry.network, []).append(entry)
    return networks


def primary(comparison: Comparison) -> Measure:
    """The measure that "best" goes by, as the first entry has it."""
    scores = comparison.entries[0].scores
    return scores.measures[scores.primary]


def measures(comparison: Comparison) -> list[str]:
    """The names of all measures that any network has, the primary one first."""
    names = [name for entry in comparison.entries for name in entry.scores.measures]
    return list(dict.fromkeys([primary(comparison).name, *names]))


def format_measure(row: NetworkRow, name: str) -> str:
    """A measure of a row with its interval; a dash where that network was not measured so."""
    return words.value_with_interval(row.measures[name]) if name in row.measures else "–"


def over_seeds(comparison: Comparison, network: str, entries: Sequence[Entry]) -> dict[str, Measure]:
    """A network's measures: its only run's, or those over seeds; a bare mean where nobody computed an interval."""
    if len(entries) == 1:
        return entries[0].scores.measures
    means = {}
    for name, measure in entries[0].scores.measures.items():
        value = mean(entry.scores.measures[name].value for entry in entries if name in entry.scores.measures)
        without_interval = Measure(name, value, value, value, measure.higher_is_better, measure.signature)
        means[name] = comparison.over_runs.get(network, {}).get(name, without_interval)
    return means


def best_network(comparison: Comparison, measures: dict[str, dict[str, Measure]]) -> str:
    """The network with the best primary score; the first of several equals."""
    name, sign = primary(comparison).name, direction(comparison)
    return max(measures, key=lambda network: sign * measures[network][name].value)


def verdict(comparison: Comparison, best: str, network: str) -> str:
    """ "best", "tie" with the best, "behind", "too few to tell", or nothing if the two were not tested against each
    other.
    """
    if network == best:
        contenders = [name for name in by_network(comparison) if name != best]
        verdicts = {verdict(comparison, best, other) for other in contenders}
        return "best" if verdicts <= {"behind"} else f"first, {TOO_FEW if TOO_FEW in verdicts else 'in a tie'}"
    test = paired_test(comparison, best, network)
    if test is None:
        return ""
    if not is_decidable(test):
        return TOO_FEW
    return "behind" if is_decided(test) else "tie with the first"


def shortfall(entries: Sequence[Entry], measures: dict[str, Measure]) -> str:
    """That a network is not better than the baseline: by the test of its only run, or by its interval over seeds."""
    scores = entries[0].scores
    name, test = scores.primary, scores.against_baseline if len(entries) == 1 else None
    if name not in scores.baseline:
        return ""
    sentence = words.against_baseline(measures[name], scores.baseline[name], test)
    return "" if sentence.startswith("better") else sentence


def paired_test(comparison: Comparison, network: str, other_network: str) -> Paired | None:
    """The paired test of two networks, whichever stands first in its name."""
    return comparison.paired.get(f"{network} vs {other_network}") or comparison.paired.get(
        f"{other_network} vs {network}"
    )


def interval_note(comparison: Comparison) -> str:
    """Which sources of variation the intervals cover, by the number of seeds."""
    if all(len(entries) == 1 for entries in by_network(comparison).values()):
        return "One seed each: the intervals show the variation between examples, not that of training."
    if comparison.over_runs:
        few = min(map(len, by_network(comparison).values()))
        still = f"; of {few} seeds they are still too narrow" if few <= FEW_SEEDS else ""
        return f"Several seeds: the intervals show the variation of training and that between examples{still}."
    return "Several seeds: means over them, without an interval."


def bins_over_seeds(entries: Sequence[Entry]) -> list[Bin]:
    """The score by source length, as the mean of runs that answered the same examples."""
    binned = zip(*(entry.scores.by_length for entry in entries), strict=True)
    return [replace(bins[0], value=mean(bin_.value for bin_ in bins)) for bins in binned]


def valid_scores(entry: Entry) -> list[tuple[float, float]]:
    """Training seconds and primary score of every validation."""
    name = entry.scores.primary
    return [(p.seconds, p.values[name]) for p in entry.curve if p.kind == "valid" and name in p.values]


def weakest_best(comparison: Comparison) -> float | None:
    """The best validation score of the run whose best is worst; None if a run was never validated."""
    sign = direction(comparison)
    bests = [max((sign * value for _, value in valid_scores(entry)), default=None) for entry in comparison.entries]
    known_bests = [best for best in bests if best is not None]
    return sign * min(known_bests) if len(known_bests) == len(bests) else None


def reach_title(comparison: Comparison) -> str:
    """What `time_to_score` is called: "minutes to reach 43.5 %"; "" where no run was validated."""
    threshold = weakest_best(comparison)
    return "" if threshold is None else f"minutes to reach {words.score(threshold, primary(comparison).name)}"


def time_to_score(entries: Sequence[Entry], threshold: float | None) -> float | None:
    """Mean training seconds until a validation was at least as good as `threshold`."""
    if threshold is None:
        return None
    sign = 1 if entries[0].scores.measures[entries[0].scores.primary].higher_is_better else -1
    return mean(
        min(seconds for seconds, value in valid_scores(entry) if sign * value >= sign * threshold) for entry in entries
    )


def tests_note(comparison: Comparison) -> str:
    """How p was adjusted, where there is more than one test."""
    tests = max((test.tests for test in comparison.paired.values()), default=1)
    return f"p is adjusted for {tests} tests (Holm 1979)." if tests > 1 else ""


def direction(comparison: Comparison) -> int:
    """1 if higher is better, else -1."""
    return 1 if primary(comparison).higher_is_better else -1
