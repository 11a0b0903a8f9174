"""What a person sees while the software works: a bar on a terminal and in a notebook, a few plain lines elsewhere."""

import sys
import time
from functools import cache
from html import escape
from importlib import import_module
from types import TracebackType
from typing import Any, Protocol, Self, TextIO

from heedful.data.readers.rows import one_line

PLAIN_SECONDS = 10.0
BAR_SECONDS = 0.2
NOTEBOOK_SECONDS = 0.5


class Listener(Protocol):
    """Who is told how work goes on. `step` may be called every training step: it costs microseconds."""

    def note(self, text: str) -> None:
        """A plain line for people."""
        ...

    def begin(self, title: str, total: str) -> None:
        """Work begins that `step` will report on: what it is ("vaswani2017") and how much ("20 minutes")."""
        ...

    def step(self, done: float, text: str) -> None:
        """`done` of the work, 0 to 1, is behind us; `text` says how it goes ("loss 2.1  best PER 14.2")."""
        ...

    def end(self, text: str = "") -> None:
        """The work begun last has ended, finished or not; `text` replaces what `step` said last."""
        ...


class Quiet:
    """Tells nobody: for tests, for all processes but the first, and for callers who want silence."""

    def note(self, text: str) -> None: ...

    def begin(self, title: str, total: str) -> None: ...

    def step(self, done: float, text: str) -> None: ...

    def end(self, text: str = "") -> None: ...


def terminal(stream: TextIO | None = None) -> "Bar | NotebookBar | Lines":
    """A bar with the time left in a notebook, or if `stream` (stderr if none is named) is a terminal; else a line at
    most every 10 s.

    Use it as a context manager where an error may follow, so that the bar is closed before the error is printed.
    """
    if stream is None and in_notebook():
        return NotebookBar(sys.stdout)
    output = sys.stderr if stream is None else stream
    return Bar(output) if output.isatty() else Lines(output)


def in_notebook() -> bool:
    """Whether the kernel of a notebook runs us, which shows HTML; the shell of IPython on a terminal does not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return hasattr(shell, "kernel")


def say(text: str) -> None:
    """A line for people beside results: on stderr, but not in a notebook, which shows that as an error."""
    print(text, file=sys.stdout if in_notebook() else sys.stderr)


@cache
def say_once(text: str) -> None:
    """The same, once in a process."""
    say(text)


class Lines:
    """Plain lines: one at the beginning, one at most every 10 s, one at the end. Logs stay short."""

    interval = PLAIN_SECONDS

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.title = self.total = self.text = ""
        self.open = False
        self.done = self.start_fraction = self.start_time = self.next_time = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def note(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def begin(self, title: str, total: str) -> None:
        self.end()
        self.title, self.total, self.text, self.open = title, total, "", True
        # A resumed run does not start at 0: `start_fraction` is where this sitting found the work.
        self.done, self.start_fraction, self.start_time = 0.0, -1.0, time.monotonic()
        self.next_time = self.start_time + self.interval
        self.start()

    def step(self, done: float, text: str) -> None:
        if self.start_fraction < 0:
            self.start_fraction = done
        self.done, self.text = done, text
        now = time.monotonic()
        if self.open and now >= self.next_time:
            self.next_time = now + self.interval
            self.show()

    def end(self, text: str = "") -> None:
        if self.open:
            self.text, self.open = text or self.text, False
            self.finish()

    def start(self) -> None:
        self.note(f"{self.title}: {self.total}")

    def show(self) -> None:
        self.note("  ".join(part for part in (f"{self.title}: {self.done:4.0%}", self.times(), self.text) if part))

    def finish(self) -> None:
        self.show()

    def times(self) -> str:
        """Minutes and seconds gone in this sitting and, while it can be told, still to come."""
        elapsed = time.monotonic() - self.start_time
        advance = self.done - self.start_fraction
        if not self.open or self.start_fraction < 0 or advance <= 0 or self.done >= 1:
            return clock(elapsed)
        return f"{clock(elapsed)}, {clock(elapsed * (1 - self.done) / advance)} left"


class Bar(Lines):
    """The same as one line that fills up, drawn by rich, without a thread of its own: loader workers are forked."""

    interval = BAR_SECONDS

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        super().__init__(stream)
        own_stream: TextIO = getattr(stream, "unguarded", stream)  # the bar's own control characters are meant
        self.console = Console(file=own_stream, highlight=False, markup=False, emoji=False)
        self.progress: Any = None

    def note(self, text: str) -> None:
        self.console.print(one_line(text, keep="\n\t"), soft_wrap=True)

    def start(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        title, status = (
            TextColumn(" {task.description}", markup=False),
            TextColumn("{task.fields[status]}", markup=False),
        )
        self.progress = Progress(title, BarColumn(bar_width=24), status, console=self.console, auto_refresh=False)
        self.progress.add_task(one_line(self.title), total=1.0, status=one_line(self.total))
        self.progress.start()

    def show(self) -> None:
        self.progress.update(0, completed=self.done, status=one_line(f"{self.times()}  {self.text}"), refresh=True)

    def finish(self) -> None:
        self.show()
        self.progress.stop()
        self.progress = None


class NotebookBar(Lines):
    """The same as HTML in the output of a cell: one place, which is written anew."""

    interval = NOTEBOOK_SECONDS

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self.display: Any = import_module("IPython.display")
        self.place: Any = None

    def start(self) -> None:
        self.place = self.display.display(self.display.HTML(self.bar(self.total)), display_id=True)

    def show(self) -> None:
        self.place.update(self.display.HTML(self.bar(f"{self.times()}  {self.text}")))

    def bar(self, status: str) -> str:
        """The bar with what it says."""
        progress = f'<progress value="{self.done:.4f}" max="1" style="width: 15em"></progress>'
        return f"<div>{escape(self.title)} {progress} {escape(status)}</div>"


def clock(seconds: float) -> str:
    """Seconds as people read them.

    >>> clock(754), clock(3725)
    ('12:34', '1:02:05')
    """
    minutes, seconds_left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds_left:02}" if hours else f"{minutes}:{seconds_left:02}"
