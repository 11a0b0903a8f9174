"""The one place that saves: folders that are complete or absent, however the process ends.

A folder is written aside, its files are flushed to the disk and hashed in a manifest, and then it is renamed.
safetensors and JSON only: loading a checkpoint can run no code.
"""

import json
import shlex
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from heedful.data.checksums import hash_file
from heedful.data.folders import WEIGHTS, flush
from heedful.errors import HeedfulError
from heedful.small_files import read_json_table

MANIFEST, VALUES, NETWORK = "manifest.json", "values.json", "network.safetensors"


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
        (aside / VALUES).write_text(json.dumps(checkpoint.values, indent=1))

    write_folder(folder / name, write)
    for old_folder in saved_checkpoints(folder)[:-keep]:
        shutil.rmtree(old_folder)


def delete_checkpoints(run: Path) -> None:
    """Removes the checkpoints of a finished run, and of what it learnt before the rest."""
    for folder in (run, *(path for path in run.iterdir() if (path / "metrics.jsonl").is_file())):
        parts = (folder / "checkpoints").glob(".step-*.part")  # of a process that was killed while it wrote
        for path in (*saved_checkpoints(folder / "checkpoints"), *parts):
            shutil.rmtree(path)
        with suppress(OSError):  # there is none, or it holds something that no run has written
            (folder / "checkpoints").rmdir()


def newest_checkpoint(folder: Path, note: Callable[[str], object]) -> Checkpoint | None:
    """The newest checkpoint that is as it was written, None if none was; those after it are removed, which is said.

    Raises HeedfulError if all of them were changed since.
    """
    damages: dict[Path, str] = {}
    for path in reversed(saved_checkpoints(folder)):
        if damage := damage_of(path):
            damages[path] = damage
            continue
        for spoilt, its_damage in damages.items():
            note(f"{its_damage}: that checkpoint is removed, and the one before it taken")
            shutil.rmtree(spoilt)
        return read_checkpoint(path)
    if damages:
        raise nothing_whole(folder, list(damages.values()))
    return None


def read_checkpoint(folder: Path) -> Checkpoint:
    """A checkpoint that is as it was written."""
    tensors = {path.stem: read_tensors(path) for path in folder.glob("*.safetensors")}
    values, hashes = (json.loads((folder / name).read_text()) for name in (VALUES, MANIFEST))
    return Checkpoint(tensors, values, hashes)


def saved_checkpoints(folder: Path) -> list[Path]:
    """Checkpoints that were renamed into place, oldest first."""
    return sorted(path for path in folder.glob("step-" + 9 * "[0-9]") if path.is_dir())


def damage_of(folder: Path) -> str:
    """Which file of a checkpoint is not as it was written; "" if all are."""
    try:
        hashes = read_json_table(folder / MANIFEST)
    except (OSError, HeedfulError):
        return f"{folder / MANIFEST} is not as it was written"
    for name in dict.fromkeys([VALUES, NETWORK, *hashes]):
        try:
            is_whole = hash_file(folder / name) == hashes.get(name)
        except OSError:
            is_whole = False
        if not is_whole:
            return f"{folder / name} is not as it was written"
    return ""


def nothing_whole(folder: Path, damages: Sequence[str]) -> HeedfulError:
    """The error for checkpoints all of which were changed since."""
    cures = [f"To begin anew, remove them: rm -r {shlex.quote(str(folder))}"]
    if (folder.parent / WEIGHTS).is_file() and (folder.parent / "config.json").is_file():  # a part of a run has none
        run = shlex.quote(str(folder.parent))
        cures.insert(0, f"To begin with its best weights in another folder: heedful train … --from {run} -o OTHER")
    are = "No checkpoint is whole" if len(damages) > 1 else "The only checkpoint is damaged"
    return HeedfulError(f"{are}: {'; '.join(damages)}.", "\n".join(cures))


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
