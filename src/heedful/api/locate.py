# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
"""Where a model is that somebody names: in a folder, in the Hugging Face cache, or still on its way there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from heedful.errors import HeedfulError
from heedful.names import is_hub_name
from heedful.small_files import read_json_table
from heedful.training.progress import say

HUB_KEYS = {"model_type", "architectures"}
"""Keys of a config.json that a folder in the Hugging Face format has."""
FILES = ["model*.safetensors", "*.json", "*.txt", "*.spm"]
"""Weights that hold no code, settings and vocabularies; nothing else of a model is fetched."""
SENTENCEPIECE = ["*.model"]
"""Fetched where there is no other vocabulary, so that it can be told what there is."""
VOCABULARIES = ("tokenizer.json", "vocab.json", "vocab.txt", "source.spm")
FILES_IN_FOLDERS = ["[!0-9]*/*", "[0-9]*/*.safetensors"]
"""What is not fetched: all in folders, but for the settings of numbered ones, which say what is pooled."""
CONVERTER, CONVERSION = "SFconvertbot", "Adding `safetensors` variant of this model"
"""Who offers weights in safetensors where a model has pickled ones, and under which title."""


@dataclass(frozen=True)
class HubModel:
    """A model of the hub: `owner/name`, and the branch, tag or commit (`@revision`) that is asked for; None: main."""

    name: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


def locate_model(name: Path | str) -> Path:
    """The folder that a name means. A name like owner/model or owner/model@revision that is no folder here is a model
    of the Hugging Face hub: looked for in its cache, and fetched if it is not there.

    Raises HeedfulError where it cannot be had.
    """
    if Path(name).exists() or not is_hub_name(str(name)):
        return Path(name)
    owned, _, revision = str(name).partition("@")
    model = HubModel(owned, revision or None)
    return find_in_cache(model) or fetch_model(model)


def is_published(folder: Path) -> bool:
    """Whether a folder is in the Hugging Face format."""
    try:
        table = read_json_table(folder / "config.json")
    except (OSError, HeedfulError):  # opened as a run, it says what is wrong
        return False
    return table.get("library") != "heedful" and ("library" not in table or not HUB_KEYS.isdisjoint(table))


def find_in_cache(model: HubModel) -> Path | None:
    """The folder of a model in the cache, None if its weights are not there.

    Where main has none in safetensors, those of the one pull request that was fetched in their place.
    """
    from huggingface_hub import constants

    folder = snapshot(model, local_files_only=True)
    if folder is None and model.revision is None:
        refs = Path(constants.HF_HUB_CACHE) / f"models--{model.name.replace('/', '--')}" / "refs"
        requests = [str(path.relative_to(refs)) for path in refs.glob("refs/pr/*")]
        if len(requests) == 1:
            folder = snapshot(replace(model, revision=requests[0]), local_files_only=True)
    return folder


def fetch_model(model: HubModel) -> Path:
    """The folder of a model that is fetched now; raises HeedfulError that says why it cannot be."""
    from huggingface_hub import constants, errors

    if constants.HF_HUB_OFFLINE:
        raise HeedfulError(
            f"{model} is no folder here, nor in the cache of Hugging Face, and HF_HUB_OFFLINE forbids downloading it.",
            "Unset HF_HUB_OFFLINE, or name a folder.",
        )
    host = constants.ENDPOINT.removeprefix("https://")
    say(f"{model} is no local folder: downloading its weights, settings and vocabulary from {host}")
    try:
        folder = snapshot(model)
        if folder is None and model.revision is None and (converted := conversion(model.name)):
            say(f"{model} has pickled weights only: fetching those in safetensors that the hub's converter offers")
            folder = snapshot(replace(model, revision=converted))
        if folder and not any((folder / name).exists() for name in VOCABULARIES):
            snapshot(replace(model, revision=folder.name), files=SENTENCEPIECE)
    except errors.GatedRepoError:
        raise refusal(f"{model} is available only to those who accepted its terms.", model.name, host) from None
    except errors.RevisionNotFoundError:
        raise refusal(f"There is no {model.revision} of {model.name} on {host}.", model.name, host) from None
    except errors.RepositoryNotFoundError:
        raise refusal(f"There is no model {model} on {host}, or it is not open to you.", model.name, host) from None
    except Exception as error:  # whatever carries it has errors of its own: sockets, HTTP, TLS, full disks
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise HeedfulError(
            f"{model} is no folder here, and cannot be fetched from {host}: {reason}",
            "Name a folder, or try again where the network is.",
        ) from None
    if folder is None:
        raise HeedfulError(
            f"{model} has no weights in safetensors; other formats can contain code, and are not downloaded.",
            f"Look for a copy that has: https://{host}/{model.name}/discussions often names one, a pull request of\n"
            f"number N, say: {model.name}@refs/pr/N",
        )
    return folder


def snapshot(model: HubModel, local_files_only: bool = False, files: Sequence[str] = FILES) -> Path | None:
    """The folder of a revision, fetched or from the cache; None if it has no weights, or is not there."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        # the same patterns in both: the client takes a snapshot without a file that is wanted for none
        place = snapshot_download(
            model.name,
            revision=model.revision,
            local_files_only=local_files_only,
            allow_patterns=list(files),
            ignore_patterns=FILES_IN_FOLDERS,
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


def refusal(problem: str, name: str, host: str) -> HeedfulError:
    """The error for a model that is not given out."""
    signed_in = "HF_TOKEN" in os.environ
    cure = "Check the name." if signed_in else "Check the name; or sign in with `hf auth login`, or set HF_TOKEN."
    return HeedfulError(problem, f"{cure}\nIts page: https://{host}/{name}")
