"""The finding of a page as its title: what the tests show, in a sentence, and no more.

The rule. Of a run: whether it is better than its baseline, by the paired test. Of a comparison: whether the first by
score is better than each other one, by the paired tests, adjusted for their number, and that it is no better than the
baseline, if so. What no test tells apart is said to be so. "More than halves" and "more than doubles" are said only
where the end of the difference's 95 % interval that is nearer to none says so too.
"""

from collections.abc import Mapping, Sequence

from heedful.metrics.measures import describe
from heedful.metrics.verdicts import is_decidable, is_decided
from heedful.report import compared, words
from heedful.results import Comparison, Measure, Paired, Scores

NAMED = 3  # networks that a title names; more are counted


def of_run(network: str, scores: Scores) -> str:
    """What a run's scores show beside those of its baseline."""
    name, test = scores.primary, scores.against_baseline
    measure, baseline = scores.measures[name], scores.baseline.get(name)
    value = f"{words.title(name)} {words.score(measure.value, name)}"
    if baseline is None:
        return f"{network}: {value}"
    if test and not is_decidable(test):
        return f"Too few examples to tell {network} from the baseline: {value}"
    standing = words.against_baseline(measure, baseline, test).partition(" than")[0]
    verb = {"better": "beats", "worse": "is worse than"}.get(standing, "does not clearly beat")
    return f"{network} {verb} the baseline: {value} against {words.score(baseline.value, name)}"


def of_comparison(comparison: Comparison, ideas: Mapping[str, str]) -> str:
    """What the paired tests of a comparison show.

    Networks are called by their `ideas` where training was repeated, since one run shows nothing of an idea.
    """
    rows = {row.network: row for row in compared.rows(comparison)}
    measures = {name: row.measures for name, row in rows.items()}
    if len(measures) == 1:
        return of_run(comparison.entries[0].network, comparison.entries[0].scores)
    called = {name: ideas.get(name, name) for name in measures}
    if not comparison.over_runs or len({*called.values()}) < len(called):
        called = {name: name for name in called}
    best, name = compared.best_network(comparison, measures), compared.primary(comparison).name
    others = sorted(measures, key=lambda other: -compared.direction(comparison) * measures[other][name].value)
    tests = {other: test for other in others if (test := compared.paired_test(comparison, best, other))}
    behind = {other: test for other, test in tests.items() if is_decided(test)}
    if not tests:
        return f"{comparison.task}: {listed([*called.values()], 'the')}"
    if not behind:
        few = not any(map(is_decidable, tests.values()))
        return f"{'Too few examples to tell' if few else 'No test tells'} {listed([*called.values()], 'the')} apart"
    losers = {called[other]: (measures[other][name], test) for other, test in behind.items()}
    level = [called[other] for other in tests if other not in behind]
    sentence = f"{called[best]} {victory(measures[best][name], losers)}"
    sentence += f"; no test tells it from {listed(level)}" if level else ""
    sentence += f"; it is {rows[best].shortfall}" if rows[best].shortfall else ""
    return sentence if called[best] == best else sentence[0].upper() + sentence[1:]


def victory(best: Measure, losers: Mapping[str, tuple[Measure, Paired]]) -> str:
    """By how much the best is better than those that it was shown to be better than, the next of them first."""
    title = words.title(best.name)
    values = [words.score(measure.value, best.name) for measure, _ in losers.values()]
    against = words.join_words(values) if len(values) <= NAMED else f"{values[0]} of the next"
    numbers = f"{words.score(best.value, best.name)} against {against}"
    if all(is_twofold(measure, test) for measure, test in losers.values()):
        verb = "doubles" if best.higher_is_better else "halves"
        return f"more than {verb} the {title} of {listed([*losers])}: {numbers}"
    return f"beats {listed([*losers])}: {title} {numbers}"


def is_twofold(loser: Measure, test: Paired) -> bool:
    """Whether the loser's percentage is doubled, or its rate of errors halved, by the interval's nearer end too."""
    if describe(loser.name).unit != "%" or test.low * test.high <= 0:
        return False
    gain = min(abs(test.low), abs(test.high))
    return gain >= (loser.value if loser.higher_is_better else loser.value / 2)


def listed(names: Sequence[str], article: str = "the other") -> str:
    """Names, or how many they are.

    >>> listed(["a", "b"]), listed(["a", "b", "c", "d"])
    ('a and b', 'the other 4')
    """
    return words.join_words(names) if len(names) <= NAMED else f"{article} {len(names)}"
