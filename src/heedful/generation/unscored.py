"""Answers whose scores nobody reads: an engine that computes these in a call of its own leaves them out (NaN)."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

read: ContextVar[bool] = ContextVar("scores_are_read", default=True)


@contextmanager
def unscored(really: bool = True) -> Generator[None]:
    """Until the block ends, what is answered is asked for its tokens alone.

    >>> with unscored():
    ...     scores_are_read()
    False
    """
    token = read.set(not really)
    try:
        yield
    finally:
        read.reset(token)


def scores_are_read() -> bool:
    """Whether the score of an answer that is searched for now will be read."""
    return read.get()
