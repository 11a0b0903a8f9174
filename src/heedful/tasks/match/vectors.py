"""Vectors with the names of what they stand for, as a safetensors file; those of a folder's pictures are kept.

A file: a tensor (N, D) a kind ("pictures", "texts"), whose N names are a JSON list under the same word in the metadata.

N names   D width
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from heedful.data.folders import cache_folder
from heedful.data.pictures.album import stamp_of_file

KIND = "pictures"

FileStamp = list[int] | None
"""Size and time of change of a file."""


@dataclass(frozen=True)
class Vectors:
    """Names, and a row of `values` (N, D) for each."""

    names: tuple[str, ...]
    values: np.ndarray


def write(path: Path, kinds: Mapping[str, Vectors], metadata: Mapping[str, str]) -> None:
    """Writes vectors by kind; the file is there at once and whole, whoever else writes it."""
    names = {kind: json.dumps(vectors.names) for kind, vectors in kinds.items()}
    tensors = {kind: np.ascontiguousarray(vectors.values, np.float32) for kind, vectors in kinds.items()}
    raw = save(tensors, {**metadata, **names})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        temporary.write_bytes(raw)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, Vectors], dict[str, str]]:
    """Vectors by kind, and all that the file says about them; raises ValueError for another kind of file."""
    try:
        with safe_open(path, "numpy") as file:
            metadata, names = dict(file.metadata() or {}), file.keys()
            kinds = {kind: Vectors(tuple(json.loads(metadata[kind])), file.get_tensor(kind)) for kind in names}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ValueError(str(error)) from None
    for kind, vectors in kinds.items():
        values = vectors.values
        if values.ndim != 2 or len(values) != len(vectors.names) or not np.isfinite(values).all():
            raise ValueError(f"{kind} are not one vector for each name")
    return kinds, metadata


@dataclass
class CachedVectors:
    """The vectors of a folder's pictures under one model, by their path in it, each with the mark of its file."""

    path: Path
    folder: str
    stamps: dict[str, FileStamp]
    rows: dict[str, np.ndarray]

    def stale(self, stamps: Mapping[str, FileStamp]) -> tuple[list[str], list[str], list[str]]:
        """Pictures that are new, that have changed, and that are gone, given those that there are."""
        new = [name for name in stamps if name not in self.rows]
        changed = [name for name in stamps if name in self.rows and stamps[name] != self.stamps[name]]
        return new, changed, [name for name in self.rows if name not in stamps]

    def forget(self, names: list[str]) -> None:
        """Takes pictures out."""
        for name in names:
            del self.rows[name], self.stamps[name]

    def save(self) -> None:
        """Writes all of them, in the order of their paths."""
        names = sorted(self.rows)
        values = np.stack([self.rows[name] for name in names]) if names else np.zeros((0, 0), np.float32)
        metadata = {"folder": self.folder, "marks": json.dumps([self.stamps[name] for name in names])}
        write(self.path, {KIND: Vectors(tuple(names), values)}, metadata)


def open_cache(folder: str, model: str) -> tuple[CachedVectors, str]:
    """What is kept of a folder under a model, which its fingerprint tells; and why nothing can be used, if so."""
    resolved = str(Path(folder).resolve())
    key = blake2b(f"{resolved}\n{model}".encode(errors="surrogateescape"), digest_size=8).hexdigest()
    path = cache_folder() / "match" / f"{Path(resolved).name or 'root'}-{key}.safetensors"
    empty = CachedVectors(path, json.dumps(resolved), {}, {})
    if not path.exists():
        return empty, ""
    try:
        kinds, metadata = read(path)
        vectors, stamps = kinds[KIND], json.loads(metadata["marks"])
        if metadata["folder"] != empty.folder or len(stamps) != len(vectors.names):
            raise ValueError("it is that of another folder")
    except (OSError, KeyError, ValueError) as error:
        return empty, str(error)
    stamps, rows = (dict(zip(vectors.names, column, strict=True)) for column in (stamps, vectors.values))
    return CachedVectors(path, empty.folder, stamps, rows), ""


def file_stamps(folder: str, files: list[Path]) -> dict[str, FileStamp]:
    """The mark of each file, by its path in the folder."""
    return {path.relative_to(folder).as_posix(): stamp_of_file(str(path)) for path in files}
