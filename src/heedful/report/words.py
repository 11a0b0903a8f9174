"""Numbers and names as text, the same on pages, in cards and in terminals."""

from collections.abc import Sequence

from heedful.errors import count
from heedful.metrics.measures import describe
from heedful.metrics.verdicts import examples_needed, fewest_of, is_decidable, is_decided
from heedful.results import Bin, Measure, Paired, Scores


def title(measure: str) -> str:
    """What a measure is called."""
    return describe(measure).title


def unit(measure: str) -> str:
    """What stands behind its numbers: " %" or nothing."""
    return f" {describe(measure).unit}".rstrip()


def axis(measure: str) -> str:
    """What stands beside an axis of it."""
    return f"{title(measure)}{',' if unit(measure) else ''}{unit(measure)}"


def score(value: float, measure: str) -> str:
    """A value in the measure's unit, with as many digits as tables of the field have.

    >>> score(47.04, "word_error"), score(1.5449, "bits_per_character")
    ('47.0 %', '1.545')
    """
    return f"{value:.{describe(measure).digits}f}{unit(measure)}"


def change(value: float, measure: str) -> str:
    """A difference in the measure's digits.

    >>> change(2.04, "chrf"), change(-0.0213, "bits_per_character")
    ('+2.0', '-0.021')
    """
    return f"{value:+.{describe(measure).digits}f}"


def interval(measure: Measure | Paired) -> str:
    """The 95 % interval, or nothing if none was computed."""
    if measure.low == measure.high:
        return ""
    if isinstance(measure, Paired):
        return f"{change(measure.low, measure.measure)} to {change(measure.high, measure.measure)}"
    digits = describe(measure.name).digits
    return f"{measure.low:.{digits}f} to {measure.high:.{digits}f}"


def difference(paired: Paired) -> str:
    """A difference with its interval, which one example has not.

    >>> difference(Paired("accuracy", 2.0, -2.0, 6.0, 0.4)), difference(Paired("accuracy", 2.0, 2.0, 2.0, 1.0))
    ('+2.0 (-2.0 to +6.0)', '+2.0')
    """
    limits = interval(paired)
    return change(paired.difference, paired.measure) + (f" ({limits})" if limits else "")


def p_value(p: float) -> str:
    """How likely a difference as large is by chance.

    >>> p_value(0.0416), p_value(0.0002)
    ('p 0.042', 'p < 0.001')
    """
    return f"p {p:.3f}" if p >= 0.001 else "p < 0.001"


def interval_or_why(measure: Measure, examples: int) -> str:
    """The 95 % interval, or why there is none.

    >>> interval_or_why(Measure("edit", 100.0, 100.0, 100.0, True), 20)
    'none: the same in every sample'
    """
    return interval(measure) or f"none: {'one example' if examples == 1 else 'the same in every sample'}"


def value_with_interval(measure: Measure) -> str:
    """A value with its interval.

    >>> value_with_interval(Measure("symbol_error", 9.12, 8.6, 9.71, False))
    '9.1 % (8.6 to 9.7)'
    """
    limits = interval(measure)
    return score(measure.value, measure.name) + (f" ({limits})" if limits else "")


def abbreviate(number: float) -> str:
    """A large number in three digits: 9.1 M, 12 k, 870.

    >>> abbreviate(9_120_000), abbreviate(18_400), abbreviate(870)
    ('9.1 M', '18 k', '870')
    """
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{letter}" if scaled < 10 else f"{scaled:.0f}{letter}"
    return f"{number:.0f}"


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are any.

    >>> clock(64.2), clock(3725)
    ('1:04', '1:02:05')
    """
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"


def span(length: Bin) -> str:
    """The lengths of a bin: 3 to 5, or 7."""
    return str(length.low) if length.low == length.high else f"{length.low}–{length.high}"


def join_words(words: Sequence[str], conjunction: str = "and") -> str:
    """a, b and c."""
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def times(number: int) -> str:
    """How often.

    >>> times(0), times(1), times(1200)
    ('never', 'once', '1,200 times')
    """
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number:,} times")


def verdict(pair: str, paired: Paired, better_is_higher: bool) -> str:
    """Who is better, in words; `pair` is "a vs b"."""
    first_network, _, second_network = pair.partition(" vs ")
    if not is_decided(paired):
        return undecided(paired, "a tie: the difference may be chance")
    return f"{first_network if (paired.difference > 0) == better_is_higher else second_network} is better"


def undecided(paired: Paired, tie: str) -> str:
    """Why nobody can be called better, and how many examples would tell; `tie` says it where there were enough.

    >>> undecided(Paired("accuracy", -31.7, -31.7, -31.7, 1.0, examples=1), "a tie")
    'too few to tell: 1 example, and it takes 6'
    >>> undecided(Paired("accuracy", 2.0, -2.0, 6.0, 0.4, examples=100), "a tie")
    'a tie; about 820 examples would tell a difference of this size'
    """
    needed = examples_needed(paired)
    if is_decidable(paired):
        return f"{tie}; about {needed:,} examples would tell a difference of this size" if needed else tie
    least = f"about {needed:,}" if needed and needed > fewest_of(paired) else f"{fewest_of(paired)}"
    return f"too few to tell: {count(paired.examples, 'example')}, and it takes {least}"


def folds_note(folds: int) -> str:
    """What the scores of a cross-validation are of."""
    return (
        f"means of {folds} folds with Student's interval over them: each row was answered by a network that did not "
        "learn from it; these weights learnt from all rows"
    )


def choice_note(split: str) -> str:
    """What is to be known of scores on rows by which weights were chosen, or learnt; "" for others."""
    if split == "learnt":
        return "scored on validation rows that were learnt from too: how good it is its folds tell"
    if split != "valid":
        return ""
    return (
        "scored on the validation rows, by which the weights were chosen too: rows that are new to it may score "
        "worse (--test FILE scores on others)"
    )


def against_baseline(measure: Measure, baseline: Measure, test: Paired | None) -> str:
    """Whether a score is better than the baseline's, in words: by the paired test or, without one, by whether the
    baseline's value lies beyond the score's interval.

    >>> against_baseline(Measure("bleu", 9, 8, 10, True), Measure("bleu", 12, 11, 13, True), None)
    'worse than the baseline'
    """
    if test is None:
        gain, is_clear = measure.value - baseline.value, not measure.low <= baseline.value <= measure.high
    else:
        gain, is_clear = test.difference, is_decided(test)
    if not is_clear:
        return "not clearly better than the baseline"
    is_better = (gain > 0) == measure.higher_is_better
    return f"{'better' if is_better else 'worse'} than the baseline"


def standing(scores: Scores) -> str:
    """What `against_baseline` says of scores, with the baseline's name and the difference; "" without a baseline."""
    name, test = scores.primary, scores.against_baseline
    if name not in scores.baseline:
        return ""
    sentence = f"{against_baseline(scores.measures[name], scores.baseline[name], test)} ({scores.baseline_name})"
    if test is None:
        return sentence
    sentence += f": {title(name)} {difference(test)}, {p_value(test.p)}"
    if is_decided(test):
        return sentence
    return "; ".join(filter(None, [sentence, undecided(test, "").removeprefix("; ")]))


def token(text: str) -> str:
    """A token with visible signs for blanks, line ends and the empty token. The blank before a word (▁) is understood.

    >>> token("▁the"), token("▁"), token("a b"), token("")
    ('the', '␣', 'a␣b', '∅')
    """
    word = text[1:] if text[:1] == "▁" and text != "▁" else text
    return word.replace(" ", "␣").replace("▁", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"


def shorten(text: str, max_length: int = 18) -> str:
    """A name short enough to stand beside others; the sign … says that there is more.

    >>> shorten("sitting still on a chair")
    'sitting still on …'
    """
    visible_text = " ".join(text.split()) or token(text)
    return visible_text if len(visible_text) <= max_length else visible_text[: max_length - 1] + "…"


def shorten_token(text: str, max_length: int = 14) -> str:
    """A token short enough to label an axis; the sign … says that there is more."""
    visible_text = token(text)
    return visible_text if len(visible_text) <= max_length else visible_text[: max_length - 1] + "…"
