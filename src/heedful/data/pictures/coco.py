"""Pictures with their captions as COCO has them: captions_train2017.json with lists of images and of annotations."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from heedful.data.folders import children
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
    images = content.get("images")
    names = {
        image.get("id"): image.get("file_name")
        for image in (images if isinstance(images, list) else [])
        if isinstance(image, dict) and isinstance(image.get("id"), int | str)
    }
    folder = picture_folder(file, next((name for name in names.values() if isinstance(name, str)), ""))
    for number, entry in enumerate(content["annotations"], start=1):
        key = entry.get("image_id") if isinstance(entry, dict) else None
        name = names.get(key) if isinstance(key, int | str) else None
        caption = entry.get("caption") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not isinstance(caption, str) or not caption.strip():
            yield BadRow(
                f"{file} line {number}", "an annotation without a caption, or without an image of its number", ""
            )
        else:
            yield row_of({"source": str(folder / name), "target": " ".join(caption.split())}, file, number)


def picture_folder(file: str, name: str) -> Path:
    """The folder that a picture of this name stands in: that of the table, one in it, or one beside it."""
    folder = Path(file).parent
    near = [folder, *(path for place in (folder, folder.parent) if place.is_dir() for path in children(place))]
    return next((place for place in near if name and (place / name).is_file()), folder)
