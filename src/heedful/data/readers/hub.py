"""Datasets of the Hugging Face hub, through its library."""

from collections.abc import Iterator
from typing import Any

from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.errors import HeedfulError


def read_hub(name: str) -> Iterator[TextRow | BadRow]:
    """Rows of hf://owner/dataset[/config]/split through the datasets library and its cache; split train if not said."""
    path, config, split = hub_parts(name)
    try:
        import datasets
    except ImportError:
        raise HeedfulError(f"{name} needs the datasets library.", 'pip install "heedful[data]"') from None
    try:
        dataset: Any = datasets.load_dataset(path, config, split=split)
    except Exception as error:
        # The library raises a dozen kinds, from its own to the network's; each says in words what a user must know.
        raise HeedfulError(f"{name} cannot be read: {error}", "Written as hf://owner/dataset[/config]/split.") from None
    for number, record in enumerate(dataset, start=1):
        yield row_of(record, name, number)


def hub_parts(name: str) -> tuple[str, str | None, str]:
    """Dataset, configuration and split of an hf:// name.

    >>> hub_parts("hf://wmt/wmt14/de-en/validation")
    ('wmt/wmt14', 'de-en', 'validation')
    >>> hub_parts("hf://owner/pairs")
    ('owner/pairs', None, 'train')
    """
    parts = name.removeprefix("hf://").strip("/").split("/")
    if not 2 <= len(parts) <= 4:
        raise HeedfulError(f"{name} is not the name of a dataset.", "Written as hf://owner/dataset[/config]/split.")
    path = "/".join(parts[:2])
    return path, parts[2] if len(parts) == 4 else None, parts[-1] if len(parts) > 2 else "train"
