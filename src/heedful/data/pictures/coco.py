"""Pictures with their captions as COCO has them: captions_train2017.json with lists of images and of annotations."""

from collections.abc import Iterator
from typing import Any

from heedful.data.pictures.beside import folder_of_pictures
from heedful.data.readers.records import row_of
from heedful.data.readers.rows import BadRow, TextRow


def is_coco(content: Any) -> bool:
    """Whether this is JSON as COCO writes it, and has captions."""
    annotations = content.get("annotations") if isinstance(content, dict) else None
    return isinstance(annotations, list) and any(
        isinstance(entry, dict) and "caption" in entry for entry in annotations
    )


def read_coco(file: str, content: dict[str, Any]) -> Iterator[TextRow | BadRow]:
    """A row for each caption, in the order of the annotations; rows are counted from 1."""
    names = names_by_id(content)
    folder = folder_of_pictures(file, names.values())
    for number, entry in enumerate(content["annotations"], start=1):
        key = entry.get("image_id") if isinstance(entry, dict) else None
        name = names.get(key) if isinstance(key, int | str) else None
        caption = entry.get("caption") if isinstance(entry, dict) else None
        if name is None or not isinstance(caption, str) or not caption.strip():
            yield BadRow(
                f"{file} line {number}", "an annotation without a caption, or without an image of its number", ""
            )
        else:
            yield row_of({"source": str(folder / name), "target": " ".join(caption.split())}, file, number)


def names_by_id(content: dict[str, Any]) -> dict[int | str, str]:
    """The names of the pictures by the numbers that annotations have."""
    images = content.get("images")
    entries = [image for image in (images if isinstance(images, list) else []) if isinstance(image, dict)]
    pairs = [(image.get("id"), image.get("file_name")) for image in entries]
    return {key: name for key, name in pairs if isinstance(key, int | str) and isinstance(name, str)}
