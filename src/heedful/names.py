"""Names of models and of files, as people write them: what can be none is refused before torch is imported."""

import re
import shlex
from pathlib import Path

from heedful import recipe as recipes
from heedful.errors import HeedfulError

HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@\w[\w./-]*)?")
WEIGHTS = ("*.safetensors", "*.bin", "*.gguf", "*.pt", "*.pth", "*.h5", "*.onnx")
"""What files of weights are called, by whoever wrote them."""
OUR_FOLDERS = ("runs", "exports")
"""Folders that commands make: what stands below them is never looked for elsewhere."""
RUNS = 20
"""The most that an error names."""


def require_models(*names: Path | str) -> None:
    """Raises HeedfulError for the first name that can be no model: no folder of one, and no name on the hub."""
    for part in (part for name in names for part in str(name).split(",")):
        folder = Path(part)
        if (folder.exists() or not is_hub_name(part)) and not (folder / "config.json").exists():
            raise not_a_run(folder)


def is_hub_name(name: str) -> bool:
    """Whether a name is that of a model on the hub, rather than a mistyped folder.

    >>> [is_hub_name(name) for name in ("openai-community/gpt2", "a/b@v1.0", "runs/mine", "mine", "../a/b", "a/b/c")]
    [True, True, False, False, False, False]
    """
    owner = name.partition("/")[0]
    return bool(HUB_NAME.fullmatch(name)) and owner not in OUR_FOLDERS and not Path(owner).exists()


def runs_near(folder: Path) -> list[Path]:
    """The runs that a wrong name may mean: in a folder of this name, beside it, and where commands write them."""
    found = [path.parent for root in dict.fromkeys((folder, folder.parent)) for path in root.glob("*/config.json")]
    found += [path.parent for path in Path("runs").glob("**/config.json")]
    return sorted(dict.fromkeys(found))


def not_a_run(folder: Path) -> HeedfulError:
    """The error for a folder that holds no model."""
    if (folder / "scores.json").exists():
        problem = f"{folder} is the folder of a finished run, and its config.json is missing."
        return HeedfulError(problem, "Copy the folder again from where it is whole.")
    if (folder / recipes.REQUESTED).exists():
        cure = shlex.join(["heedful", "train", str(folder / recipes.REQUESTED), "-o", str(folder)])
        return HeedfulError(f"{folder} is no model yet: its data were still being prepared.", cure)
    if weights := sorted(path.name for pattern in WEIGHTS for path in folder.glob(pattern)):
        return HeedfulError(
            f"{folder} has weights ({', '.join(weights[:3])}), but no config.json, which names their family.",
            "Take the whole folder as it was published: config.json, model.safetensors and the tokenizer's files.",
        )
    runs = runs_near(folder)
    more = ", …" if len(runs) > RUNS else ""
    cure = f"Runs here: {', '.join(map(str, runs[:RUNS]))}{more or '.'}" if runs else "There are no runs here yet."
    if folder.is_dir():
        cure += "\nIt has no config.json, which runs have, and folders in the Hugging Face format."
    if len(folder.parts) == 1 and not folder.exists():
        cure += "\nA published model is named with its owner, as openai-community/gpt2."
    return HeedfulError(f"{folder} is not a run.", cure)
