"""draw, many to one: a sentence in, a picture out, by way of a learned codebook."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="draw",
    shape="many to one",
    sources=("text",),
    takes="a text",
    gives="a picture of what it says",
    asked_with='"…"',
    data="captions.csv",
    hub_tasks={"text": "text-to-image"},
    view="drawings",
    judged_by="match",
    keys=frozenset(
        (
            "data.source_tokenizer",
            "data.vocabulary",
            "data.picture",
            "data.colours",
            "data.fit",
            "network.codes",
            "train.label_smoothing",
            "train.drop_source",
            "train.codebook",
            "generate.beam",
            "generate.length_penalty",
            "generate.sample",
            "generate.temperature",
            "generate.top_k",
            "generate.top_p",
            "generate.min_p",
            "generate.guidance",
            "generate.seed",
        )
    ),
)
TASK = ModuleTask(FACTS)
