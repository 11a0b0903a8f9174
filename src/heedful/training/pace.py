"""Whether steps have become far slower than they were: told once in each slow spell, from how long each step took.

Steps differ in how much is in them, so seconds a token are compared, and medians, as one slow step says nothing.
"""

from collections.abc import Callable
from statistics import median

SLOW, RECOVERED = 3.0, 2.0  # times the usual time of a token: where a spell begins, and where it ends
STEPS, SECONDS = 20, 5.0  # at least, of what is judged together
KEPT = 100  # medians of what was judged to be usual
WAITING = 0.3  # threads: at steps three times as long, work beside one keeps it waiting for two thirds of the time
BUSY = "other work is busy on this machine"
UNKNOWN = "other work may be busy on this machine"
IDLE = "no other work is in its way; it may wait for a disk or memory, or the processor is slowed down"


class Pace:
    """Listens to the steps of a training. `waiting` says how many threads waited for a core since it was asked last
    (None: not known); `key` is what to look at where they do.
    """

    def __init__(self, waiting: Callable[[], float | None], key: str = "") -> None:
        self.waiting, self.remark = waiting, f" ({key})" if key else ""
        self.recent: list[float] = []  # seconds a token of each step since the last judgement
        self.seconds = 0.0  # of these steps
        self.usual: list[float] = []  # seconds a token
        self.is_slow = False

    def add(self, seconds: float, tokens: int) -> str:
        """Takes in a step; what is to be said of it and those before, or ""."""
        self.recent.append(seconds / max(1, tokens))
        self.seconds += seconds
        if len(self.recent) < STEPS or self.seconds < SECONDS:
            return ""
        pace, waiting = median(self.recent), self.waiting()
        self.recent, self.seconds = [], 0.0
        times = pace / median(self.usual) if self.usual else 1.0
        was_slow, self.is_slow = self.is_slow, times >= (RECOVERED if self.is_slow else SLOW)
        if not self.is_slow:
            self.usual = [*self.usual[1 - KEPT :], pace]
        if was_slow or not self.is_slow:
            return ""
        return f"steps take {times:.1f} times as long as before: {self.cause(waiting)}"

    def cause(self, waiting: float | None) -> str:
        """What is likely to blame."""
        if waiting is None or waiting >= WAITING:
            return f"{UNKNOWN if waiting is None else BUSY}{self.remark}"
        return IDLE
