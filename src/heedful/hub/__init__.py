"""Other people's weights in and out: a folder in the Hugging Face format as plain data, and back.

published = hub.open("gpt2")
network = hub.network(published)
hub.write(hub.with_weights(published, network), "mine")
"""

from heedful.hub.marian import Pieces
from heedful.hub.ours import as_published
from heedful.hub.plan import Plan
from heedful.hub.published import Published, build, derive_plan, ids, network, open, weights_of, with_weights, write
from heedful.hub.words import Words

__all__ = [
    "Pieces",
    "Plan",
    "Published",
    "Words",
    "as_published",
    "build",
    "derive_plan",
    "ids",
    "network",
    "open",
    "weights_of",
    "with_weights",
    "write",
]
