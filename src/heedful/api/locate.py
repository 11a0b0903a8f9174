# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Where a model is that somebody names: in a folder, in the Hugging Face cache, or still on its way there."""

import json
import os
import re
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from heedful.errors import HeedfulError

NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@\w[\w./-]*)?")
OURS = ("runs", "exports")
"""Folders that commands make: what stands below them is never looked for elsewhere."""
NAMES = {"model_type", "architectures"}
"""Keys of a config.json that a folder in the Hugging Face format has."""
FETCHED = ["model*.safetensors", "*.json", "*.txt", "*.spm"]
"""Weights that hold no code, settings and vocabularies; nothing else of a model is fetched."""
BELOW = ["*/*"]
CONVERTER, CONVERSION = "SFconvertbot", "Adding `safetensors` variant of this model"
"""Who offers weights in safetensors where a model has pickled ones, and under which title."""


@dataclass(frozen=True)
class HubName:
    """A model of the hub: `owner/name`, and the branch, tag or commit (`@revision`) that is asked for; None: main."""

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def located(name: Path | str) -> Path:
    """The folder that a name means. A name like owner/model or owner/model@revision that is no folder here is a model
    of the Hugging Face hub: looked for in its cache, and fetched if it is not there.

    Raises HeedfulError where it cannot be had.
    """
    if Path(name).exists() or not like_an_id(str(name)):
        return Path(name)
    owned, _, revision = str(name).partition("@")
    asked = HubName(owned, revision or None)
    return cached(asked) or fetched(asked)


def like_an_id(name: str) -> bool:
    """Whether a name is that of a model on the hub, rather than a mistyped folder.

    >>> [like_an_id(name) for name in ("openai-community/gpt2", "a/b@v1.0", "runs/mine", "mine", "../a/b", "a/b/c")]
    [True, True, False, False, False, False]
    """
    owner = name.partition("/")[0]
    return bool(NAME.fullmatch(name)) and owner not in OURS and not Path(owner).exists()


def is_published(folder: Path) -> bool:
    """Whether a folder is in the Hugging Face format."""
    try:
        table = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(table, dict):
        return False
    table = cast("dict[str, object]", table)
    return table.get("library") != "heedful" and not NAMES.isdisjoint(table)


def cached(asked: HubName) -> Path | None:
    """The folder of a model in the cache, None if its weights are not there.

    Where main has none in safetensors, those of the one pull request that was fetched in their place.
    """
    from huggingface_hub import constants

    folder = snapshot(asked, local_files_only=True)
    if folder is None and asked.revision is None:
        refs = Path(constants.HF_HUB_CACHE) / f"models--{asked.name.replace('/', '--')}" / "refs"
        requests = [str(path.relative_to(refs)) for path in refs.glob("refs/pr/*")]
        if len(requests) == 1:
            folder = snapshot(replace(asked, revision=requests[0]), local_files_only=True)
    return folder


def fetched(asked: HubName) -> Path:
    """The folder of a model that is fetched now; raises HeedfulError that says why it cannot be."""
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        raise HeedfulError(
            f"{asked} is no folder here, nor in the cache of Hugging Face, and HF_HUB_OFFLINE forbids to fetch it.",
            "Unset HF_HUB_OFFLINE, or name a folder.",
        )
    host = constants.ENDPOINT.removeprefix("https://")
    say(f"{asked} is no folder here: fetching its weights, settings and vocabulary from {host}")
    try:
        folder = snapshot(asked)
        if folder is None and asked.revision is None and (converted := conversion(asked.name)):
            say(f"{asked} has pickled weights only: fetching those in safetensors that the hub's converter offers")
            folder = snapshot(replace(asked, revision=converted))
    except errors.GatedRepoError:
        raise refused(f"{asked} is given only to those who accepted its terms.", asked.name, host) from None
    except errors.RevisionNotFoundError:
        raise refused(f"There is no {asked.revision} of {asked.name} on {host}.", asked.name, host) from None
    except errors.RepositoryNotFoundError:
        raise refused(f"There is no model {asked} on {host}, or it is not open to you.", asked.name, host) from None
    except Exception as error:  # whatever carries it has errors of its own: sockets, HTTP, TLS, full disks
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeedfulError(
            f"{asked} is no folder here, and cannot be fetched from {host}: {reason}",
            "Name a folder, or try again where the network is.",
        ) from None
    if folder is None:
        raise HeedfulError(
            f"{asked} has no weights in safetensors; other formats can hold code, and are not fetched.",
            f"Look for a copy that has: https://{host}/{asked.name}/discussions often names one, a pull request of\n"
            f"number N, say: {asked.name}@refs/pr/N",
        )
    return folder


def snapshot(asked: HubName, local_files_only: bool = False) -> Path | None:
    """The folder of a revision, fetched or from the cache; None if it has no weights, or is not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        # the same patterns in both: the client takes a snapshot without a file that is wanted for none
        place = snapshot_download(
            asked.name,
            revision=asked.revision,
            local_files_only=local_files_only,
            allow_patterns=FETCHED,
            ignore_patterns=BELOW,
        )
    except LocalEntryNotFoundError:
        if local_files_only:
            return None
        raise
    folder = Path(place)
    return folder if (folder / "config.json").exists() and any(folder.glob("*.safetensors")) else None


def conversion(name: str) -> str | None:
    """The revision of the open pull request by which the hub's own converter offers a model in safetensors.

    It counts only if it stands on main as main is now, as with transformers: else it is another model's weights.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    head = api.list_repo_commits(name)[0].commit_id
    for request in api.get_repo_discussions(name, author=CONVERTER, discussion_type="pull_request"):
        if (request.title, request.author, request.status) == (CONVERSION, CONVERTER, "open"):
            revision = f"refs/pr/{request.num}"
            commits = api.list_repo_commits(name, revision=revision)
            if len(commits) > 1 and commits[1].commit_id == head:
                return revision
    return None


def say(text: str) -> None:
    """A line for people, beside the answers."""
    print(text, file=sys.stderr)


def refused(problem: str, name: str, host: str) -> HeedfulError:
    """The error for a model that is not given out."""
    signed_in = "HF_TOKEN" in os.environ
    cure = "Check the name." if signed_in else "Check the name; or sign in with `hf auth login`, or set HF_TOKEN."
    return HeedfulError(problem, f"{cure}\nIts page: https://{host}/{name}")
