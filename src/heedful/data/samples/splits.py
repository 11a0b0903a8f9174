"""What is said of a sample that was named without one of its splits."""

from collections.abc import Iterable

from heedful.errors import HeedfulError, unknown


def unknown_split(sample: str, split: str, allowed: Iterable[str]) -> HeedfulError:
    """The error for a split that a sample does not have, or that was left out.

    >>> print(unknown_split("cmudict", "", ("train", "valid", "test")))
    sample://cmudict does not say which of its splits is meant.
      As sample://cmudict/train; there are train, valid, test.
    """
    if split:
        return unknown(f"split of sample://{sample}", split, allowed)
    first, *others = allowed
    return HeedfulError(
        f"sample://{sample} does not say which of its splits is meant.",
        f"As sample://{sample}/{first}; there are {', '.join([first, *others])}.",
    )
