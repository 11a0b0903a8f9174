"""Datasets of the Hugging Face hub, through its library."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.data.readers.classes import classes_of, name_classes
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError

FORM = "Written as hf://owner/name[@revision][/config]/split, where a dataset lies on the hub."
NAME = r"\w(?:[\w.-]*\w)?"
REFERENCE = re.compile(
    rf"hf://(?P<path>{NAME}/{NAME})(?:@(?P<revision>refs/convert/\w+|refs/pr/\d+|{NAME}))?"
    rf"(?:/(?P<config>[\w.+=-]+))??(?:/(?P<split>[\w.+:%\[\]-]+))?/?",
    re.ASCII,
)


def read_hub(name: str) -> Iterator[TextRow | BadRow]:
    """Rows of hf://owner/name[@revision][/config]/split through the datasets library and its cache; split train if not
    said.

    Raises HeedfulError for another name, and for one that the library would take for a folder or a program here.
    """
    path, revision, config, split = hub_parts(name)
    if Path(path).exists() or Path(f"{path}.py").exists():
        cure = f"Rename it, or give its files themselves, as {path}/train.csv."
        raise HeedfulError(f"{name} is a dataset of the hub, and {path} also stands in this folder.", cure)
    try:
        import datasets
    except ImportError:
        raise HeedfulError(f"{name} needs the datasets library.", 'pip install "heedful[data]"') from None
    try:
        dataset: Any = datasets.load_dataset(path, config, split=split, revision=revision)
    except Exception as error:
        # The library raises a dozen kinds, from its own to the network's; each says in words what a user must know.
        raise HeedfulError(f"{name} cannot be read: {error}", FORM) from None
    classes = classes_of(dataset.features.to_dict() if dataset.features else {})
    for number, record in enumerate(dataset, start=1):
        row = row_of(record, name, number)
        yield name_classes(row, classes) if isinstance(row, TextRow) else row


def hub_parts(name: str) -> tuple[str, str | None, str | None, str]:
    """Dataset, revision, configuration and split of an hf:// name; raises HeedfulError for a path or an address.

    >>> hub_parts("hf://wmt/wmt14/de-en/validation")
    ('wmt/wmt14', None, 'de-en', 'validation')
    >>> hub_parts("hf://owner/pairs@v1.0"), hub_parts("hf://owner/pairs@refs/convert/parquet/test[:10%]")
    (('owner/pairs', 'v1.0', None, 'train'), ('owner/pairs', 'refs/convert/parquet', None, 'test[:10%]'))
    """
    parts = REFERENCE.fullmatch(name)
    if not parts or ".." in name:
        raise HeedfulError(f"{name} is not the name of a dataset.", FORM)
    return parts["path"], parts["revision"], parts["config"], parts["split"] or "train"
