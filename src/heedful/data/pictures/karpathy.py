"""Pictures with several sentences each, as Karpathy wrote those of COCO and Flickr: dataset.json[#train]."""

import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from heedful.data.pictures.beside import folder_notes, folder_of_pictures
from heedful.data.pictures.coco import is_coco, names_by_id, read_coco
from heedful.data.pictures.splits import SPLIT_NAMES, path_of, split_of
from heedful.data.readers.lines import check_readable
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow
from heedful.data.readers.unpacking import content_path
from heedful.errors import HeedfulError, unknown
from heedful.limits import beyond, limit
from heedful.small_files import read_small


def read_karpathy(file: str) -> Iterator[TextRow | BadRow]:
    """A row for each sentence of each picture, of one split if the name ends in #train, #val or #test.

    Raises HeedfulError if the file is not of that kind, or has no such split.
    """
    path = path_of(file)
    content = content_of(path)
    if is_coco(content):
        yield from read_coco(path, content)
        return
    images, wanted_split = images_of(path, content), split_of(file)
    splits = dict.fromkeys(SPLIT_NAMES.get(str(image.get("split")), str(image.get("split"))) for image in images)
    if wanted_split and wanted_split not in splits:
        raise unknown(f"split of {path}", wanted_split, splits)
    folder = folder_of_pictures(path, filter(None, map(name_of, images)))
    for number, image in enumerate(images, start=1):
        split = str(image.get("split"))
        if not wanted_split or SPLIT_NAMES.get(split, split) == wanted_split:
            yield from sentences(file, folder, number, image)


def content_of(path: str) -> Any:
    """What the JSON of a file holds; None if it is none."""
    check_readable(path)
    try:
        return json.loads(text_of(path), object_hook=without_tokens)
    except (ValueError, RecursionError):
        return None


def without_tokens(entry: dict[str, Any]) -> dict[str, Any]:
    """An object without what is not read of a sentence: its tokens would take most of the memory of all."""
    return {"raw": entry["raw"]} if "tokens" in entry and isinstance(entry.get("raw"), str) else entry


def text_of(path: str) -> str:
    """The text of a JSON file; raises HeedfulError for more values than memory may hold, ValueError for no text."""
    with content_path(path) as file:
        content = read_small(Path(file), "annotations_bytes", called=path)
    text = content.decode(json.detect_encoding(content), "surrogatepass")
    values, most = text.count(",") + 2 * text.count("{"), limit("annotations_values")  # an object is as large as three
    if values > most:
        problem = f"{path} has about {values:,} values, and at most {most:,} are read."
        raise beyond("annotations_values", problem, "Cut it into parts.", values)
    return text


def images_of(path: str, content: Any) -> list[dict[str, Any]]:
    """The list of images in Karpathy's JSON, some of which have a name."""
    try:
        images = content["images"]
        if images and all(isinstance(image, dict) for image in images) and any(map(name_of, images)):
            return images
    except (KeyError, TypeError):
        pass
    example = '{"images": [{"filename": "1.jpg", "split": "train", "sentences": [{"raw": "A cat."}]}]}'
    raise HeedfulError(
        f"{path} is not a list of pictures as Karpathy writes it.",
        f"Captions as COCO has them are read too. As {example}",
    )


def sentences(file: str, folder: Path, number: int, image: dict[str, Any]) -> Iterator[TextRow | BadRow]:
    """The rows of one image."""
    where = f"{file} line {number}"
    name, entries = name_of(image), image.get("sentences")
    if not name or not isinstance(entries, list) or not entries:
        yield BadRow(where, "an image without filename, or without sentences", str(name or None))
        return
    source = seen_from(folder, name)
    for entry in entries:
        raw = entry.get("raw") if isinstance(entry, dict) else None
        tokens = entry.get("tokens") if isinstance(entry, dict) else None
        text = raw if isinstance(raw, str) else " ".join(map(str, tokens)) if isinstance(tokens, list) else ""
        record = row_of({"source": source, "target": " ".join(text.split())}, file, number)
        yield (
            record if isinstance(record, BadRow) or record.columns["target"] else BadRow(where, "an empty sentence", "")
        )


def name_of(image: dict[str, Any]) -> str:
    """The name of an image's file, with its folder if that is told; "" if it has none."""
    name = image.get("filename")
    return str(PurePosixPath(str(image.get("filepath") or ""), name)) if isinstance(name, str) else ""


def seen_from(folder: Path, name: str) -> str:
    """A file's name, written as seen from a folder, as seen from here.

    >>> seen_from(Path("photos"), "cat/1.jpg"), seen_from(Path("."), "sample://mnist/test#1")
    ('photos/cat/1.jpg', 'sample://mnist/test#1')
    """
    return name if "://" in name else str(folder / name)


def karpathy_notes(file: str) -> list[str]:
    """Where the pictures stand, if not beside the file."""
    path = path_of(file)
    content = content_of(path)
    names = names_by_id(content).values() if is_coco(content) else map(name_of, images_of(path, content))
    return folder_notes(path, folder_of_pictures(path, filter(None, names)))
