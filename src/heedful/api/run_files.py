"""The files of a trained run, looked at without its network: config, recipe, and whether all is as it was written."""

import shlex
from pathlib import Path

from heedful import recipe as recipes
from heedful.data.checksums import CHECKSUMS, find_damage
from heedful.data.folders import WEIGHTS
from heedful.errors import HeedfulError
from heedful.names import not_a_run
from heedful.small_files import read_json_table

FORMAT = 1
AGAIN = "Copy the folder again from where it is whole, or train the model anew in another folder."


def check_run(folder: Path) -> dict[str, object]:
    """The config of a trained run; raises HeedfulError for what is none, is damaged, or has no weights yet."""
    config = read_config(folder)
    refuse_damaged(folder)
    if not (folder / WEIGHTS).exists():
        raise HeedfulError(
            f"{folder} has no model.safetensors yet: its training was stopped too early.",
            shlex.join(["heedful", "train", str(folder / recipes.COMPLETE), "-o", str(folder)]),
        )
    return config


def read_config(folder: Path) -> dict[str, object]:
    """config.json of a run; raises HeedfulError that names the runs there are."""
    try:
        config = read_json_table(folder / "config.json")
    except OSError:
        raise not_a_run(folder) from None
    except HeedfulError as error:
        raise HeedfulError(error.problem, error.cure or AGAIN) from None
    if config.get("library") != "heedful" or config.get("format") != FORMAT:
        raise HeedfulError(
            f"{folder} was written in another format ({config.get('library')} {config.get('format')}).",
            f"This version reads heedful {FORMAT}.",
        )
    return config


def refuse_damaged(folder: Path) -> None:
    """Raises HeedfulError if a file of a model is not the one that was written."""
    if damage := find_damage(folder):
        raise HeedfulError(
            f"{damage}.",
            f"{AGAIN}\nIf you changed that file yourself, remove {folder / CHECKSUMS}: it is then taken as it is.",
        )
