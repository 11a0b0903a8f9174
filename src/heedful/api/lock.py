"""One command at a time in the folder of a run: a lock that outlives nobody."""

import fcntl
import json
import os
import platform
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Thread

from heedful.errors import HeedfulError

NAME = "lock"
TOUCHED_EVERY = 20.0  # seconds, while the run lives
GIVEN_UP_AFTER = 120.0  # seconds without a touch, where another host's processes cannot be asked for


@dataclass(frozen=True)
class Holder:
    """The process that has a folder: its number, when the system started it (numbers come again), and its host."""

    pid: int
    started: str
    host: str

    def is_alive(self, touched: float) -> bool:
        """Whether it still runs; one on another host is taken for alive as long as it touches its lock."""
        if self.host != platform.node():
            return time.time() - touched < GIVEN_UP_AFTER
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it is another user's
            return True
        return self.started == start_of(self.pid)


@contextmanager
def lock_folder(folder: Path) -> Generator[None]:
    """Has the folder of a run for this process alone; the lock of a process that died is taken over.

    Raises HeedfulError if another process that lives has it.
    """
    path = folder / NAME
    while not create(path):
        take_away_if_dead(path)
    remove_remains(folder)
    stop = Event()
    Thread(target=keep_touched, args=(path, stop), daemon=True).start()
    try:
        yield
    finally:
        stop.set()
        path.unlink(missing_ok=True)


def is_lock(name: str) -> bool:
    """Whether a file is a lock, or one that is about to be.

    >>> [is_lock(name) for name in ("lock", ".lock.4711", "lock.txt")]
    [True, True, False]
    """
    return name == NAME or name.startswith(f".{NAME}.")


def create(path: Path) -> bool:
    """Makes the lock with this process in it at once, or not at all: whether it did."""
    own = Holder(os.getpid(), start_of(os.getpid()), platform.node())
    aside = path.with_name(f".{NAME}.{own.pid}")
    aside.write_text(json.dumps(asdict(own)))
    try:
        return put_in_place(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def put_in_place(aside: Path, path: Path) -> bool:
    """Gives a file its name, whole and at once, unless there is one of that name: whether it did."""
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:  # a file system without links: nearly at once
        try:
            with path.open("x") as file:
                file.write(aside.read_text())
        except FileExistsError:
            return False
    return True


def take_away_if_dead(path: Path) -> None:
    """Removes a lock whose holder is gone, whoever else is about to; raises HeedfulError if its holder lives."""
    try:
        text, touched = path.read_text(), path.stat().st_mtime
        holder = Holder(**json.loads(text))
    except FileNotFoundError:  # given back meanwhile
        return
    except (ValueError, TypeError):
        raise HeedfulError(f"{path} is not a lock of Heedful's.", "Remove it if nothing trains there.") from None
    if holder.is_alive(touched):
        where = "" if holder.host == platform.node() else f" on {holder.host}"
        raise HeedfulError(
            f"Another command is training in {path.parent}: process {holder.pid}{where}.",
            "Wait for it, stop it, or take another folder: -o runs/NAME",
        )
    remove_if_same(path, text)


def remove_if_same(path: Path, text: str) -> None:
    """Removes the lock of the dead, unless another command was quicker and its own stands there by now.

    Whoever removes it holds the file itself meanwhile, so that nobody takes away the lock of a successor.
    """
    with suppress(FileNotFoundError), path.open() as file:
        with suppress(OSError):  # a file system that holds none: then two that come at the same instant may both go on
            fcntl.flock(file, fcntl.LOCK_EX)
        if file.read() == text and os.path.samestat(os.fstat(file.fileno()), path.stat()):
            path.unlink()


def remove_remains(folder: Path) -> None:
    """Removes what processes left that died while they made or took away a lock."""
    for path in folder.glob(f".{NAME}.*"):
        with suppress(OSError):
            text, touched = path.read_text(), path.stat().st_mtime
            try:
                is_left = not Holder(**json.loads(text)).is_alive(touched)
            except (ValueError, TypeError):  # it is being written, or nobody goes on with it
                is_left = time.time() - touched > GIVEN_UP_AFTER
            if is_left:
                path.unlink()


def keep_touched(path: Path, stop: Event) -> None:
    """Says again and again that the holder lives, for hosts that cannot ask for it."""
    while not stop.wait(TOUCHED_EVERY):
        with suppress(OSError):
            os.utime(path)


def start_of(pid: int) -> str:
    """When the system started a process, in its own count; "" where it does not say."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return ""
