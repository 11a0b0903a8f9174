"""Attention's arithmetic in a terminal: one query, a line for each key."""

from heedful.computations import Computation, Head
from heedful.explanations import Explanation, Map
from heedful.report import explained
from heedful.report.columns import columns

MOST = 24  # keys of a table, those with most
MIXED = 0.5  # the largest weight of a query that is told first


def computation_text(explanation: Explanation) -> str:
    """How one query of an answer came to its weights; pages and JSON have all."""
    computation, head, row = first_query(explanation)
    asks = explained.unit_name(explanation.units[computation.rows].names[row])
    others = sum(len(each.heads) for each in explanation.computations) - 1
    more = f"{others:,} more in -o page.html or .json" if others else "the others are in -o page.html or .json"
    return "\n\n".join(
        [
            explained.heading(explanation),
            f"{head.map}: {asks} asks ({more})",
            query_table(explanation, computation, head, row),
            *explanation.notes,
        ]
    )


def first_query(explanation: Explanation) -> tuple[Computation, Head, int]:
    """What is shown first: of all answers and heads of the first attention, the one in which a key has most, and others
    count.
    """
    computation = explanation.computations[0]
    maps = [map_of(explanation, head) for head in computation.heads]
    answers = maps[0].answers or range(len(maps[0].weights))
    pairs = [(number, row) for row in answers for number in range(len(maps))]
    number, row = min(pairs, key=lambda pair: abs(max(maps[pair[0]].weights[pair[1]]) - MIXED))
    return computation, computation.heads[number], row


def map_of(explanation: Explanation, head: Head) -> Map:
    """The map that has a head's weights."""
    return next(map_ for map_ in explanation.maps if map_.name == head.map)


def query_table(explanation: Explanation, computation: Computation, head: Head, row: int) -> str:
    """Score, scaled score and weight of each key, and the sums that they lead to."""
    names, weights = explanation.units[computation.columns].names, map_of(explanation, head).weights[row]
    scores, scale = computation.scores(head, row), computation.scale
    kept = sorted(sorted(range(len(names)), key=lambda key: -weights[key])[:MOST])
    product = "v·tanh(q+k)" if computation.score == "additive" else "q·k"
    divided = [f"÷ {scale:.4g}"] if scale != 1 else []
    rows = [["", product, *divided, "weight", ""]]
    for key in kept:
        why = computation.why_masked(row, key)
        scaled = [decimals(scores[key] / scale)] if divided else []
        bar = "█" * round(20 * weights[key])
        rows.append(
            [explained.unit_name(names[key]), decimals(scores[key]), *scaled, f"{weights[key]:.3f}", why or bar]
        )
    left = len(names) - len(kept)
    rest = [f"… and {left:,} keys with less"] if left else []
    return "\n".join([columns(rows, left_aligned={0, len(rows[0]) - 1}), *rest])


def decimals(value: float) -> str:
    """A number with two decimals."""
    return f"{value:.2f}".replace("-", "−")
