"""The demo: four networks learn to pronounce English, and what each of them looked at."""

from pathlib import Path

from heedful.api.compare import Showcase, compare
from heedful.api.contestants import contestants
from heedful.report.picture import lineage_picture
from heedful.results import Comparison
from heedful.tasks.recipes import build
from heedful.training.progress import Listener

NETWORKS = ("cho2014", "bahdanau2015", "vaswani2017", "touvron2023")
# none of them is in cmudict: what a network makes of them it cannot have looked up
WORDS = ("heedful", "hangry", "covfefe", "pythonista", "doomscrolling", "flibbertigibbet", "schnitzelwagon")
ALIGNMENT_SOURCE = "heedfulness"


def demo(output: Path, minutes: float, listener: Listener) -> Comparison:
    """Learns to pronounce English four ways and compares them: the main job on real data (cmudict)."""
    files = {f"data.{part}": [f"sample://cmudict/{part}"] for part in ("train", "valid", "test")}
    settings = {"train.minutes": minutes, "train.valid_limit": 300}
    recipe, showcase = build("translate", files | settings), Showcase(WORDS, ALIGNMENT_SOURCE)
    result = compare(recipe, contestants(NETWORKS), [0], output, listener, showcase=showcase)
    alignments = [(entry.network, entry.alignment) for entry in result.entries if entry.alignment]
    lineage_picture(alignments, output / "alignments.png")
    return result
