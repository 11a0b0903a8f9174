"""Stopping at a safe point rather than in the middle of a step."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from types import TracebackType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAVING = signal.SIGUSR1
HANDLED = (*STOP_SIGNALS, SAVING)
PR_SET_PDEATHSIG = 1  # of linux/prctl.h
Handler = Callable[[int, object], None]


class Stopped(KeyboardInterrupt):
    """A run ended because a signal asked for it; the same command goes on. `saved`: and it has been said."""

    def __init__(self, number: int, saved: bool = False) -> None:
        super().__init__(number)
        self.number, self.saved = number, saved

    @property
    def name(self) -> str:
        """The signal, as people call it."""
        return signal.Signals(self.number).name


@dataclass
class SignalRequests:
    """What signals have asked for since: to stop (the first signal that did), and to save and go on."""

    stop: int | None = None
    save: bool = False


@contextmanager
def stop_signals() -> Iterator[SignalRequests]:
    """Collects signals, to be obeyed at a safe point; a second one that stops ends the process as usual."""
    requests = SignalRequests()

    def note(number: int, frame: object) -> None:
        if number == SAVING:
            requests.save = True
        else:
            requests.stop = number
            restore_defaults()

    with handle_signals(note):
        yield requests


@contextmanager
def stop_at_once() -> Iterator[None]:
    """Raises Stopped at a signal that stops, where there is nothing to lose: a second one ends the process as usual.

    One that asks to save changes nothing: what is done is on the disk.
    """

    def stop(number: int, frame: object) -> None:
        if number != SAVING:
            restore_defaults()
            raise Stopped(number)

    with handle_signals(stop):
        yield


@contextmanager
def handle_signals(handler: Handler) -> Iterator[None]:
    """Gives signals to a handler; one that is ignored from outside (`nohup`) stays so."""
    before = {}
    try:
        for number in HANDLED:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    except ValueError:  # not the main thread: whoever runs us there handles signals
        pass
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)


def restore_defaults() -> None:
    """Has the next signal that stops end the process at once."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def block_signals() -> Iterator[None]:
    """Lets signals wait, so that none comes to a process that begins meanwhile before it is ready."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave_signals(worker: int) -> None:
    """What a loader's worker does first: a signal that its whole group gets is left to its parent.

    SIGTERM from the parent itself ends it as before: else a parent that ends by an error would wait for it for ever.
    It ends with its parent, however that ends, and says nothing of the connection that broke.
    """
    for number in (signal.SIGINT, signal.SIGHUP, SAVING):
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS, which does not say who sent a signal
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
        Thread(target=obey_parent, daemon=True).start()
    end_with_parent()
    sys.excepthook = tell_own_errors


def end_with_parent() -> None:
    """Has Linux kill this process when its parent is gone; elsewhere a loader's worker looks for it every 5 s.

    Neither sees a parent that was gone before they looked: a signal that waited while workers began comes right then.
    """
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and parent.pid != os.getppid():
        os._exit(0)


def tell_own_errors(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Prints what went wrong here; that the parent is gone is not for its worker to say."""
    if not issubclass(kind, ConnectionError | EOFError):
        sys.__excepthook__(kind, error, trace)


def obey_parent() -> None:
    """Ends this process when its parent says so; nobody else can, short of SIGKILL."""
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)
