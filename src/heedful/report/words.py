"""How numbers and names are said to people, the same on pages, in cards and in terminals."""

from collections.abc import Sequence

from heedful.results import Bin, Measure, Paired

SURE = 0.05  # a difference whose p is not below this is called a tie

TITLES = {
    "symbol_error": "symbols wrong",
    "word_error": "words wrong",
    "chrf": "chrF",
    "bleu": "BLEU",
    "ter": "TER",
    "exact": "exact match",
    "loss": "loss",
}
PERCENT = {"symbol_error", "word_error", "ter", "exact"}


def title(measure: str) -> str:
    """What a measure is called.

    >>> title("symbol_error"), title("macro_f1")
    ('symbols wrong', 'macro f1')
    """
    return TITLES.get(measure, measure.replace("_", " "))


def unit(measure: str) -> str:
    """What stands behind its numbers: " %" or nothing."""
    return " %" if measure in PERCENT else ""


def axis(measure: str) -> str:
    """What stands beside an axis of it."""
    return f"{title(measure)}{', %' if measure in PERCENT else ''}"


def score(value: float, measure: str) -> str:
    """A value in the measure's unit: one digit after the point, as in tables of the field."""
    return f"{value:.1f}{unit(measure)}"


def spread(measure: Measure | Paired) -> str:
    """The 95 % interval, or nothing if none was computed."""
    return "" if measure.low == measure.high else f"{measure.low:.1f} to {measure.high:.1f}"


def with_spread(measure: Measure) -> str:
    """A value with its interval.

    >>> with_spread(Measure("symbol_error", 9.12, 8.6, 9.71, False))
    '9.1 % (8.6 to 9.7)'
    """
    interval = spread(measure)
    return score(measure.value, measure.name) + (f" ({interval})" if interval else "")


def large(number: float) -> str:
    """A large number in three digits: 9.1 M, 12 k, 870.

    >>> large(9_120_000), large(18_400), large(870)
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
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def span(length: Bin) -> str:
    """The lengths of a bin: 3 to 5, or 7."""
    return str(length.low) if length.low == length.high else f"{length.low}–{length.high}"


def listed(words: Sequence[str]) -> str:
    """a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def verdict(pair: str, paired: Paired, better_is_higher: bool) -> str:
    """Who is better, in words; `pair` is "a vs b"."""
    first, _, second = pair.partition(" vs ")
    if paired.p >= SURE:
        return "a tie: the difference may be chance"
    return f"{first if (paired.difference > 0) == better_is_higher else second} is better"


def token(text: str) -> str:
    """A token as it can be seen: blanks and empty ones get a sign."""
    return text.replace(" ", "␣").replace("\n", "⏎").replace("\t", "⇥") or "∅"


def clipped(text: str, most: int = 14) -> str:
    """A token short enough to label an axis; the sign … says that there is more."""
    shown = token(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"
