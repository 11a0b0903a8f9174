"""The one place that saves: folders that are complete or absent, however the process ends.

A folder is written aside, its files are flushed to the disk and hashed in a manifest, and then it is renamed.
safetensors and JSON only: loading a checkpoint can run no code.
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from heedful.data.checksums import hash_file
from heedful.errors import HeedfulError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Checkpoint:
    """A moment of training: tensors by group ("network", "optimizer", …) and plain values."""

    tensors: dict[str, dict[str, Tensor]]
    values: dict[str, Any]
    hashes: dict[str, str] = field(default_factory=dict[str, str])
    """The sha256 of its files, where they are read."""


def save(folder: Path, checkpoint: Checkpoint, keep: int = 2) -> None:
    """Writes `folder/step-N`, and removes all but the newest `keep`."""
    name = f"step-{checkpoint.values['step']:09d}"

    def write(aside: Path) -> None:
        for group, tensors in checkpoint.tensors.items():
            write_tensors(aside / f"{group}.safetensors", tensors)
        (aside / "values.json").write_text(json.dumps(checkpoint.values, indent=1))

    write_folder(folder / name, write)
    for old_folder in complete_checkpoints(folder)[:-keep]:
        shutil.rmtree(old_folder)


def delete_checkpoints(run: Path) -> None:
    """Removes the checkpoints of a finished run, and of what it learnt before the rest."""
    for folder in (run, *filter(Path.is_dir, run.iterdir())):
        parts = (folder / "checkpoints").glob(".step-*.part")  # of a process that was killed while it wrote
        for path in (*complete_checkpoints(folder / "checkpoints"), *parts):
            shutil.rmtree(path)
        with suppress(OSError):  # there is none, or it holds something that no run has written
            (folder / "checkpoints").rmdir()


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest whole checkpoint; raises HeedfulError if a file of it was changed since."""
    folders = complete_checkpoints(folder)
    if not folders:
        return None
    verify(folders[-1])
    tensors = {path.stem: read_tensors(path) for path in folders[-1].glob("*.safetensors")}
    values, hashes = (json.loads((folders[-1] / name).read_text()) for name in ("values.json", MANIFEST))
    return Checkpoint(tensors, values, hashes)


def complete_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints that were renamed into place, oldest first."""
    return sorted(path for path in folder.glob("step-*") if (path / MANIFEST).exists())


def write_folder(target: Path, write: Callable[[Path], None]) -> None:
    """Lets `write` fill a folder aside, then puts it in the place of `target` at once."""
    temporary = target.with_name(f".{target.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        write(temporary)
        hashes = {path.name: hash_file(path) for path in sorted(temporary.iterdir())}
        (temporary / MANIFEST).write_text(json.dumps(hashes, indent=1))
        for path in temporary.iterdir():
            flush(path)
        flush(temporary)
    except OSError:  # of a full disk it takes what others need
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    flush(target.parent)


def write_file(target: Path, write: Callable[[Path], object]) -> None:
    """Lets `write` fill a file aside, then puts it in the place of `target` at once."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        write(temporary)
        flush(temporary)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    flush(target.parent)


def verify(folder: Path) -> None:
    """Raises HeedfulError if a file differs from the manifest."""
    for name, expected in json.loads((folder / MANIFEST).read_text()).items():
        path = folder / name
        if not path.exists() or hash_file(path) != expected:
            raise HeedfulError(
                f"The checkpoint {folder} is damaged: {name} is not what was written.",
                f"Remove that folder, and training goes on from the checkpoint before it: {folder.parent}",
            )


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Writes a safetensors file that others may read: the library's own writer keeps it to the owner."""
    path.write_bytes(to_bytes(tensors))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file; raises HeedfulError if it is none."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise HeedfulError(
            f"{path} cannot be read: {error}.", "The file is incomplete or no safetensors file."
        ) from None


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A network's tensors by name, copied, each once: tied weights stand under the first of their names."""
    addresses: set[int] = set()
    state: dict[str, Tensor] = {}
    for name, value in network.state_dict().items():
        if value.data_ptr() not in addresses or not value.numel():
            addresses.add(value.data_ptr())
            state[name] = value.detach().to("cpu", copy=True)
    return state


def put_weights(network: nn.Module, weights: dict[str, Tensor], origin: Path | str) -> None:
    """Gives a network the tensors that `weights_of` took; raises HeedfulError if names or shapes differ."""
    expected = {name: tuple(value.shape) for name, value in weights_of(network).items()}
    shapes = {name: tuple(value.shape) for name, value in weights.items()}
    if expected != shapes:
        names = sorted(name for name in expected.keys() | shapes.keys() if expected.get(name) != shapes.get(name))
        raise HeedfulError(
            f"The weights of {origin} do not fit its network: {', '.join(names[:3])}{', …' if len(names) > 3 else ''}.",
            "config.json and model.safetensors must come from one run.",
        )
    network.load_state_dict(weights, strict=False)


def are_finite(weights: dict[str, Tensor]) -> bool:
    """Whether weights hold no NaN and no infinity."""
    return all(bool(value.isfinite().all()) for value in weights.values())


def flush(path: Path) -> None:
    """Waits until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
