"""What each measure is called, in which unit it stands, and whether more of it is better: once, for all who show it."""

import re
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class MeasureFacts:
    """A measure's title, its unit ("%" or ""), its direction, how many digits after the point are written, and the best
    value that there can be (None: nobody knows).
    """

    title: str
    unit: str = ""
    higher_is_better: bool = True
    digits: int = 1
    best: float | None = 100.0


MEASURES = {
    "symbol_error": MeasureFacts("symbol error", "%", higher_is_better=False, best=0.0),
    "word_error": MeasureFacts("word error", "%", higher_is_better=False, best=0.0),
    "chrf": MeasureFacts("chrF"),
    "bleu": MeasureFacts("BLEU"),
    "ter": MeasureFacts("TER", "%", higher_is_better=False, best=0.0),
    "exact": MeasureFacts("exact match", "%"),
    "token_f1": MeasureFacts("token F1"),
    "cider": MeasureFacts("CIDEr-D", best=None),
    "accuracy": MeasureFacts("accuracy", "%"),
    "macro_f1": MeasureFacts("macro F1"),
    "top5": MeasureFacts("top-5 accuracy", "%"),
    "calibration_error": MeasureFacts("calibration error", "%", higher_is_better=False, best=0.0),
    "entity_f1": MeasureFacts("entity F1"),
    "entity_precision": MeasureFacts("entity precision", "%"),
    "entity_recall": MeasureFacts("entity recall", "%"),
    "edit": MeasureFacts("edit score"),
    "median_rank": MeasureFacts("median rank", higher_is_better=False, best=1.0),
    "bits_per_character": MeasureFacts("bits per character", higher_is_better=False, digits=3, best=None),
    "perplexity": MeasureFacts("perplexity", higher_is_better=False, digits=2, best=None),
    "reconstruction_error": MeasureFacts("reconstruction error", "%", higher_is_better=False, best=0.0),
    "codes_used": MeasureFacts("codes used", "%"),
    "loss": MeasureFacts("loss", higher_is_better=False, best=None),
}
"""By the key that recipes, scores.json and `--json` have; those with a number in their name are `NUMBERED`."""

NUMBERED = (
    (r"recall_at_(\d+)", MeasureFacts("recall@{}", "%")),
    (r"f1_(\d+)_mstcn", MeasureFacts("F1@{} (MS-TCN)")),
    (r"f1_(\d+)_asformer", MeasureFacts("F1@{} (ASFormer)")),
)
VARIANTS = {"reverse_": "reverse ", "zero_shot_": "zero-shot ", "ceiling_": "ceiling ", "floor_": "floor "}
"""What stands before a key where the same is measured of something else: the other way round, of real drawings, …"""


def describe(key: str) -> MeasureFacts:
    """What a measure is called, and how it is written; a key that nobody declared stands for itself.

    >>> describe("symbol_error").title, describe("recall_at_5").title, describe("f1_10_mstcn").title
    ('symbol error', 'recall@5', 'F1@10 (MS-TCN)')
    >>> describe("reverse_recall_at_10").title, describe("floor_median_rank").higher_is_better
    ('reverse recall@10', False)
    """
    for prefix, words in VARIANTS.items():
        if key.startswith(prefix):
            facts = describe(key.removeprefix(prefix))
            return replace(facts, title=words + facts.title)
    for pattern, facts in NUMBERED:
        if match := re.fullmatch(pattern, key):
            return replace(facts, title=facts.title.format(match[1]))
    return MEASURES.get(key) or MeasureFacts(key.replace("_", " "), best=None)
