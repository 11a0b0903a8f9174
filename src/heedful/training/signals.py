"""Stopping at a safe point rather than in the middle of a step."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals() -> Iterator[list[int]]:
    """Collects SIGINT and SIGTERM rather than dying of them; a second SIGINT kills as usual."""
    signals: list[int] = []

    def note(number: int, frame: object) -> None:
        signals.append(number)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {}
    try:
        for number in STOP_SIGNALS:
            before[number] = signal.signal(number, note)
    except ValueError:  # not the main thread: whoever runs us there handles signals
        pass
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def block_signals() -> Iterator[None]:
    """Lets SIGINT and SIGTERM wait, so that none comes to a process that begins meanwhile before it is ready."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals(worker: int) -> None:
    """What a loader's worker does first: a signal that its whole group gets is left to its parent.

    SIGTERM from the parent itself ends it as before: else a parent that ends by an error would wait for it for ever.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS, which does not say who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        Thread(target=obey_parent, daemon=True).start()


def obey_parent() -> None:
    """Ends this process when its parent says so; nobody else can, short of SIGKILL."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
