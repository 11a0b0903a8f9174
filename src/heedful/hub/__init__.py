"""Other people's weights in and out: a folder in the Hugging Face format as plain data, and back.

published = hub.open("gpt2")
network = hub.network(published)
hub.write(hub.again(published, network), "mine")
"""

from heedful.hub.marian import Pieces
from heedful.hub.ours import own
from heedful.hub.plan import Plan
from heedful.hub.published import Published, again, begun, build, given, ids, network, open, write
from heedful.hub.words import Words

__all__ = [
    "Pieces",
    "Plan",
    "Published",
    "Words",
    "again",
    "begun",
    "build",
    "given",
    "ids",
    "network",
    "open",
    "own",
    "write",
]
