"""The row of the lineage that a task takes for data where nobody names one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class UsualRow:
    """A row, settings that suit it better than its paper's, and why it is taken, as part of a sentence; and the tokens
    of a batch that suit the data, where these are not as many as usual.

    Where a budget holds many passes over the data: `mix`, the fraction of batches whose pictures are mixed, and
    `dropout`. `later`: the row that overtakes it where a budget holds the steps that a network of some width wants.
    """

    name: str
    reason: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    batch_tokens: int | None = None
    mix: float | None = None
    dropout: float | None = None
    later: "UsualRow | None" = None


OF_SENTENCES = UsualRow(
    "ssru2019",
    "in few minutes a Transformer that writes with recurrent units, moved by Muon, is ahead on sentences",
    {"norm": "pre"},
)
OF_WORDS = UsualRow(
    "bahdanau2015", "recurrent networks with attention learn to write words and symbols in the fewest steps"
)
OF_STEPS = UsualRow("gru", "recurrent networks learn to label steps and to name words in the fewest steps")
OF_NAMES = UsualRow(
    "frame",
    "which words a text has says more of its class, after few minutes, than their order",
    {"counts": 65_536, "dropout": 0.2},
)
OF_FEW_PICTURES = UsualRow(
    "frame",
    "of few pictures, convolutions and the mean of what they see learn more than what also looks at where it stands",
    mix=0.5,
)
OF_TINY_PICTURES = UsualRow("bahdanau2015", "of so few pixels each row tells something, and convolutions see too much")
OF_PICTURES = UsualRow(
    "bahdanau2015", "recurrent networks with attention learn to caption and to match in the fewest steps"
)
OF_CAPTIONS = replace(
    OF_PICTURES,
    later=UsualRow("touvron2023", "a modern Transformer captions best where the budget holds the steps that it wants"),
)
OF_TEXTS = UsualRow(
    "lstm",
    "a recurrent network goes on with a text best after few minutes, and an LSTM is the quickest of them",
    dropout=0.4,
)
OF_GAPS = UsualRow("lstm", "a recurrent network fills gaps after few minutes, where a Transformer cannot yet")
