"""Where the pictures stand that a table names: in its folder, in one below, or in one beside it, however it is called.

Captions of COCO and Flickr name pictures without their folder: `Images/`, `flickr8k_images/`, `../train2017/`. Beside
the table's folder only folders whose name says so are looked into: other data may have pictures of the same names.
"""

import os
import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from heedful.data.folders import is_hidden

TRIED = 20  # names of pictures by which their folder is looked for
FOLDERS = 500  # in which one name is looked for
OF_PICTURES = re.compile(
    r"(images?|imgs?|photos?|pictures?|pics|jpe?gs?|dataset|(^|[_ -])(train|val|test))[_ -]?(20\d\d)?$", re.IGNORECASE
)
ENTRIES = 20_000  # of one folder, among which folders are looked for


def folder_of_pictures(table: str, names: Iterable[str]) -> Path:
    """The folder of the first of these names that is found near a table; that of the table where none is."""
    found = (folder_of_picture(table, name) for name in islice(names, TRIED))
    return next((folder for folder in found if folder is not None), Path(table).parent)


def folder_of_picture(table: str, name: str) -> Path | None:
    """The folder that a file of this name is seen from; None if there is no such file near the table."""
    if "://" in name or Path(name).is_absolute():
        return Path(table).parent
    return next((folder for folder in folders_near(table) if os.path.isfile(folder / name)), None)


def folders_near(table: str) -> Iterator[Path]:
    """The folder of a table, those in it, those of pictures beside it, and those one further in."""
    own = Path(table).parent
    yield own
    parent = own.parent if own.name not in ("", "..") else own / ".."
    beside = (folder for folder in folders_in(parent) if folder != own and OF_PICTURES.search(folder.name))
    near = [*folders_in(own), *beside][:FOLDERS]
    yield from near
    yield from islice((inner for folder in near for inner in folders_in(folder)), FOLDERS)


def folders_in(folder: Path) -> list[Path]:
    """The folders in one that are not hidden, by name; none if it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in islice(entries, ENTRIES) if not is_hidden(entry.name) and entry.is_dir()]
    except OSError:
        return []
    return [folder / name for name in sorted(names)]


def folder_notes(table: str, folder: Path) -> list[str]:
    """Where the pictures of a table stand, if that is not its own folder."""
    return [] if folder == Path(table).parent else [f"{table}: its pictures stand in {folder}"]
