"""Splits that captions come with, named behind their file: dataset.json#train, Flickr8k.token.txt#dev.

In Karpathy's JSON each picture tells its own. Those of Flickr are lists of pictures beside the captions, a name a line:
`Flickr_8k.trainImages.txt`, `Flickr_8k.devImages.txt`, `Flickr_8k.testImages.txt`, or `train.txt` and so on.
"""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from heedful.data.readers.lines import read_lines
from heedful.data.readers.opening import ending_of
from heedful.errors import HeedfulError, unknown

SPLIT_NAMES = {"val": "valid", "dev": "valid", "restval": "train"}
"""What others call splits. restval is what Karpathy put back into training."""
ROLES = {"train": "", "valid": "--valid ", "test": "--test "}
ENDINGS = (".txt", ".token", ".csv")
"""How files of captions end, among others."""
OF_FLICKR = re.compile(r"#(train|val|valid|dev|test)$")
LIST = re.compile(r"(?:.*[._-])?(train|dev|val|valid|test)(?:_?images)?\.txt", re.IGNORECASE)


def path_of(file: str) -> str:
    """The file on disk that a name of data means: dataset.json for dataset.json#train.

    >>> path_of("dataset.json#train"), path_of("captions.txt#dev"), path_of("a#b.tsv"), path_of("a.txt#1")
    ('dataset.json', 'captions.txt', 'a#b.tsv', 'a.txt#1')
    """
    path, mark, split = file.rpartition("#")
    ending = ending_of(path)
    is_split = (ending == ".json" and "/" not in split) or (ending in ENDINGS and OF_FLICKR.search(mark + split))
    return path if mark and is_split else file


def split_of(file: str) -> str:
    """The split that a name of data asks for: train, valid, test or another; "" for all.

    >>> split_of("dataset.json#val"), split_of("captions.txt")
    ('valid', '')
    """
    name = file.removeprefix(path_of(file)).removeprefix("#")
    return SPLIT_NAMES.get(name, name)


def lists_beside(captions: str) -> dict[str, Path]:
    """The lists of pictures beside a file of captions, by their split."""
    lists, folder = dict[str, Path](), Path(captions).parent
    with os.scandir(folder) as entries:
        matches = [(match[1].lower(), entry.name) for entry in entries if (match := LIST.fullmatch(entry.name))]
    for word, name in sorted(matches):
        if name != Path(captions).name and (folder / name).is_file():
            lists.setdefault(SPLIT_NAMES.get(word, word), folder / name)
    return {split: lists[split] for split in ROLES if split in lists}


def list_of(file: str) -> Path:
    """The list of the split that captions of Flickr are asked for; raises HeedfulError if none lies beside them."""
    path, split = path_of(file), split_of(file)
    lists = lists_beside(path)
    if not lists:
        cure = "A list has a picture a line, and is called train.txt, dev.txt, test.txt or as Flickr_8k.devImages.txt."
        raise HeedfulError(f"No list of the pictures of a split lies beside {path}.", cure)
    if split not in lists:
        raise unknown(f"split of {path}", split, lists)
    return lists[split]


def pictures_of(file: str) -> set[str]:
    """The pictures of the split that captions of Flickr are asked for, as `stem` has their names."""
    return set(stems(list_of(file)))


def stems(path: Path) -> Iterator[str]:
    """The pictures in a list."""
    return (stem(text) for _, text in read_lines(str(path)) if isinstance(text, str) and text.strip())


def names_picture(path: Path, picture: str) -> bool:
    """Whether a file is a list that this picture stands in; not for one that cannot be read."""
    try:
        return stem(picture) in stems(path)
    except HeedfulError:
        return False


def stem(name: str) -> str:
    """The name of a picture without its folder and its ending, which lists may leave out.

    >>> stem("Images/1.jpg"), stem("1")
    ('1', '1')
    """
    return PurePosixPath(name.strip()).stem


def split_notes(file: str, first_picture: str) -> list[str]:
    """That the lists of a split lie beside captions of Flickr that are read whole, and how they are used."""
    lists = {} if split_of(file) else lists_beside(file)
    if not any(names_picture(path, first_picture) for path in lists.values()):
        return []
    ways = " ".join(f"{ROLES[split]}{shlex.quote(file)}#{split}" for split in lists)
    names = ", ".join(path.name for path in lists.values())
    return [f"{file}: a split that is told beside it ({names}) is taken if asked for: {ways}"]
