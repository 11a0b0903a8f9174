"""Labels of steps as lines of letters, for a terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from string import ascii_letters, digits

from heedful.errors import count
from heedful.report.columns import columns

MASKED_SIGN, OTHER_SIGN = ".", "?"


def time_bars(rows: Sequence[tuple[str, Sequence[str]]], names: Sequence[str] = (), width: int = 72) -> str:
    """Labels of steps as lines of letters, a letter for each label; the row "truth" is the first, if there is one.

    Where there are more steps than `width`, a letter stands for several: for the label that most of them have. `names`
    fixes the order in which labels get their letters, so that several clips agree. ^ marks what is wrong anywhere.

    >>> print(time_bars([("truth", ("", "walk", "walk", "run")), ("answer", ("walk", "walk", "run", "run"))]))
    truth   .wwr
    answer  wwrr
              ^
            each sign is 1 step   w walk   r run   . masked
    """
    length = max(len(labels) for _, labels in rows)
    steps_per_sign = -(-length // width) or 1
    signs = signs_of([*names, *(label for _, labels in rows for label in labels)])
    lines = []
    truth = rows[0][1] if rows[0][0] == "truth" else ()
    for name, labels in rows:
        lines.append(
            [
                name,
                "".join(
                    signs[most_common_label(labels[start : start + steps_per_sign])]
                    for start in range(0, len(labels), steps_per_sign)
                ),
            ]
        )
        error_positions = {
            n // steps_per_sign
            for n, (true, predicted) in enumerate(zip(truth, labels, strict=False))
            if true and true != predicted
        }
        if error_positions:
            lines.append(["", "".join("^" if n in error_positions else " " for n in range(max(error_positions) + 1))])
    present_labels = dict.fromkeys(label for _, labels in rows for label in labels if label)
    legend = [f"{signs[label]} {label}" for label in signs if label in present_labels]
    legend += [f"{MASKED_SIGN} masked"] if any("" in labels for _, labels in rows) else []
    lines.append(["", "   ".join([f"each sign is {count(steps_per_sign, 'step')}", *legend])])
    return columns(lines, left_aligned={1})


def most_common_label(labels: Sequence[str]) -> str:
    """The label that most of these steps have; the first of several equals."""
    return Counter(labels).most_common(1)[0][0]


def signs_of(labels: Sequence[str]) -> Mapping[str, str]:
    """A letter for each label, its own first one where that is free; ? for those that come after all letters."""
    signs = {"": MASKED_SIGN}
    for label in dict.fromkeys(label for label in labels if label):
        # Its own letters, then any.
        candidates = (c for c in label + label.upper() + digits + ascii_letters if c.isascii() and c.isalnum())
        signs[label] = next((c for c in candidates if c not in signs.values()), OTHER_SIGN)
    return signs
