# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Where a model is that somebody names: in a folder, in the Hugging Face cache, or still on its way there."""

import json
import os
import re
import sys
from pathlib import Path
from typing import cast

from heedful.errors import HeedfulError

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
OUR_FOLDERS = ("runs", "exports")
"""Folders that commands make: what stands below them is never looked for elsewhere."""
HUB_KEYS = {"model_type", "architectures"}
"""Keys of a config.json that a folder in the Hugging Face format has."""
FILES = ["model*.safetensors", "*.json", "*.txt", "*.spm"]
"""Weights that hold no code, settings and vocabularies; nothing else of a model is fetched."""
FILES_IN_FOLDERS = ["*/*"]


def locate_model(name: Path | str) -> Path:
    """The folder that a name means. A name like owner/model that is no folder here is a model of the Hugging Face hub:
    looked for in its cache, and fetched if it is not there.

    Raises HeedfulError where it cannot be had.
    """
    if Path(name).exists() or not is_hub_name(str(name)):
        return Path(name)
    return find_in_cache(str(name)) or fetch_model(str(name))


def is_hub_name(name: str) -> bool:
    """Whether a name is that of a model on the hub, rather than a mistyped folder.

    >>> [is_hub_name(name) for name in ("openai-community/gpt2", "runs/mine", "mine", "../a/b", "a/b/c")]
    [True, False, False, False, False]
    """
    owner = name.partition("/")[0]
    return bool(HUB_NAME.fullmatch(name)) and owner not in OUR_FOLDERS and not Path(owner).exists()


def is_published(folder: Path) -> bool:
    """Whether a folder is in the Hugging Face format."""
    try:
        table = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(table, dict):
        return False
    table = cast("dict[str, object]", table)
    return table.get("library") != "heedful" and not HUB_KEYS.isdisjoint(table)


def find_in_cache(name: str) -> Path | None:
    """The folder of a model in the cache, None if its weights are not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        # the same patterns as in fetching: the client takes a snapshot without a file that is wanted for none
        folder = Path(
            snapshot_download(name, local_files_only=True, allow_patterns=FILES, ignore_patterns=FILES_IN_FOLDERS)
        )
    except LocalEntryNotFoundError:
        return None
    return folder if (folder / "config.json").exists() and any(folder.glob("*.safetensors")) else None


def fetch_model(name: str) -> Path:
    """The folder of a model that is fetched now; raises HeedfulError that says why it cannot be."""
    from huggingface_hub import constants, errors, snapshot_download

    if constants.HF_HUB_OFFLINE:
        raise HeedfulError(
            f"{name} is no folder here, nor in the cache of Hugging Face, and HF_HUB_OFFLINE forbids to fetch it.",
            "Unset HF_HUB_OFFLINE, or name a folder.",
        )
    host = constants.ENDPOINT.removeprefix("https://")
    print(f"{name} is no folder here: fetching its weights, settings and vocabulary from {host}", file=sys.stderr)
    try:
        folder = Path(snapshot_download(name, allow_patterns=FILES, ignore_patterns=FILES_IN_FOLDERS))
    except errors.GatedRepoError:
        raise refusal(f"{name} is given only to those who accepted its terms.", name, host) from None
    except errors.RepositoryNotFoundError:
        raise refusal(f"There is no model {name} on {host}, or it is not open to you.", name, host) from None
    except Exception as error:  # whatever carries it has errors of its own: sockets, HTTP, TLS, full disks
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeedfulError(
            f"{name} is no folder here, and cannot be fetched from {host}: {reason}",
            "Name a folder, or try again where the network is.",
        ) from None
    if not any(folder.glob("*.safetensors")):
        raise HeedfulError(
            f"{name} has no weights in safetensors; other formats can hold code, and are not fetched.",
            f"Look for a copy that has: https://{host}/{name}/discussions often names one.",
        )
    return folder


def refusal(problem: str, name: str, host: str) -> HeedfulError:
    """The error for a model that is not given out."""
    signed_in = "HF_TOKEN" in os.environ
    cure = "Check the name." if signed_in else "Check the name; or sign in with `hf auth login`, or set HF_TOKEN."
    return HeedfulError(problem, f"{cure}\nIts page: https://{host}/{name}")
