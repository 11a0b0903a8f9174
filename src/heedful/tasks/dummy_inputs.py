"""Sources that nobody wrote, by which graphs are traced and checked.

N sources   S positions
"""

from collections.abc import Sequence

import torch

from heedful.data.tokenizers.special_tokens import EOS
from heedful.engines.onnx_graphs import Example
from heedful.tasks.inputs import Preprocessor


def dummy_sources(preprocessor: Preprocessor, lengths: Sequence[int], limit: int | None) -> tuple[Example, int]:
    """Sources of these lengths, and the positions of each (0: they differ)."""
    random = torch.Generator().manual_seed(len(lengths))
    if preprocessor.positions:
        form = preprocessor.form
        shape = (len(lengths), form.size, form.size, form.channels)
        return {"source": torch.randint(0, 256, shape, dtype=torch.uint8, generator=random)}, preprocessor.positions
    return dummy_texts(preprocessor.tokenizer.size, lengths, limit), 0


def dummy_texts(vocabulary: int, lengths: Sequence[int], limit: int | None) -> Example:
    """Texts of these lengths, or as long as a network can read: source (N, S) and lengths (N,)."""
    lengths, random = [min(length, limit or length) for length in lengths], torch.Generator().manual_seed(len(lengths))
    source = torch.randint(EOS, vocabulary, (len(lengths), max(lengths)), generator=random)
    return {"source": source, "lengths": torch.tensor(lengths)}
