"""How 0.1.0 held rows out: by this a run that began with it goes on where its prepared data are lost or spoilt."""

import numpy as np

from heedful.data.hold_out import choose_within, group_rows

PART, MOST = 20, 2000  # one row in twenty, at most so many


def choose_rows(hashes: np.ndarray, wanted: int | None, may_part: bool) -> np.ndarray:
    """Which rows of these groups are held out (R,), none where there is no such split; `may_part`: parts of groups."""
    wanted = wanted or max(1, min(MOST, len(hashes) // PART))
    groups = group_rows(hashes)
    fitting = groups.weights <= wanted
    chosen = fitting & (np.cumsum(np.where(fitting, groups.weights, 0)) <= wanted)
    if len(groups) < 2:
        return np.zeros(len(hashes), bool)
    if not chosen.any() and may_part:
        return choose_within(groups, wanted)
    return chosen[groups.of_row]
