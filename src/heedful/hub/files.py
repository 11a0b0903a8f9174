"""The tensors of a folder: safetensors alone, in one file or several."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor

from heedful.errors import HeedfulError
from heedful.hub.layout import Tensors
from heedful.small_files import json_table, read_small

SINGLE_FILE, INDEX_FILE = "model.safetensors", "model.safetensors.index.json"
OTHER_FORMATS = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.ot")


def read_tensors(folder: Path) -> Tensors:
    """All tensors of a folder by their names. Raises HeedfulError if they are not in safetensors, or not whole."""
    if (folder / SINGLE_FILE).exists():
        return read_one(folder / SINGLE_FILE)
    if not (folder / INDEX_FILE).exists():
        raise no_tensors(folder)
    where = read_json(folder / INDEX_FILE).get("weight_map")
    if not isinstance(where, dict):
        raise HeedfulError(f"{folder / INDEX_FILE} does not say which tensor is in which file (weight_map).")
    tensors: Tensors = {}
    for name in sorted({str(name) for name in where.values()}):
        if Path(name).name != name or not (folder / name).exists():
            raise HeedfulError(f"{folder / INDEX_FILE} names the file {name}, which is not in the folder.")
        tensors |= read_one(folder / name)
    if missing := sorted(where.keys() - tensors.keys()):
        raise HeedfulError(f"{folder / INDEX_FILE} names tensors that no file holds: {', '.join(missing)}.")
    return tensors


def read_one(path: Path) -> Tensors:
    """The tensors of one file."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise HeedfulError(f"{path} cannot be read: {error}.", "Download it again: it may be incomplete.") from None


def refuse_numbers(tensors: Mapping[str, Tensor], where: str) -> None:
    """Raises HeedfulError for tensors of numbers that are not weights as they were trained, and for broken ones."""
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise HeedfulError(
                f"{name} in {where} has numbers of the kind {str(tensor.dtype).removeprefix('torch.')}.",
                "Quantised weights are not supported; use the original ones.",
            )
        if not bool((tensor < torch.inf).all()):
            raise HeedfulError(
                f"{name} in {where} has values that are not finite (NaN or infinity).", "Its training diverged."
            )


def no_tensors(folder: Path) -> HeedfulError:
    """The error for a folder without safetensors; other files can hold code, and are not opened."""
    names = sorted(path.name for pattern in OTHER_FORMATS for path in folder.glob(pattern))
    if not names:
        return HeedfulError(f"{folder} holds no weights: there is no {SINGLE_FILE} in it.")
    return HeedfulError(
        f"{folder} has its weights in {', '.join(names)}, a format that can contain code; Heedful reads safetensors.",
        "Convert it once, where transformers is installed: load it with the architecture's class and from_pretrained,\n"
        f'then save_pretrained("{folder.name}-safe", safe_serialization=True).',
    )


def write_tensors(tensors: Mapping[str, Any], folder: Path) -> None:
    """Writes all tensors in one file, readable as the umask says: the library's own writer keeps it to the owner."""
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    (folder / SINGLE_FILE).write_bytes(to_bytes(whole, metadata={"format": "pt"}))


def read_json(path: Path) -> dict[str, Any]:
    """A table in a JSON file; raises HeedfulError if it is none."""
    return json_table(content_of(path, "settings_bytes"), str(path))


def content_of(path: Path, most: str = "vocabulary_bytes") -> bytes:
    """A file beside weights; raises HeedfulError if it cannot be read, or has more bytes than any such file needs."""
    try:
        return read_small(path, most)
    except OSError as error:
        raise HeedfulError(f"{path} cannot be read: {error}.") from None


def dump(table: Mapping[str, Any]) -> str:
    """A JSON file, as the ecosystem writes it."""
    return json.dumps(table, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
