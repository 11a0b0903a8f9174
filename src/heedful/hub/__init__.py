"""Other people's weights in and out: a folder in the Hugging Face format as plain data, and back.

>>> import heedful.hub as hub                                                       # doctest: +SKIP
>>> published = hub.open("gpt2")                                                    # doctest: +SKIP
>>> network = hub.network(published)                                                # doctest: +SKIP
>>> hub.write(hub.again(published, network), "mine")                                # doctest: +SKIP
"""

from heedful.hub.plan import Plan
from heedful.hub.published import Published, again, build, given, ids, network, open, own, write

__all__ = ["Plan", "Published", "again", "build", "given", "ids", "network", "open", "own", "write"]
