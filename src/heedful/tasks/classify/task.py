"""classify, one to one: a picture in, the name of its class out; many to one, with a text in."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="classify",
    shape="one to one",
    sources=("picture", "text"),
    takes="a picture, or a text",
    gives="the name of its class, and how likely each class is",
    asked_with="PICTURE",
    data="photos/",
    hub_tasks={"picture": "image-classification", "text": "text-classification"},
    unit="examples",
    view="classes",
    exported_as="vit",
    keys=frozenset(
        (
            "data.source_tokenizer",
            "data.vocabulary",
            "data.picture",
            "data.colours",
            "data.fit",
            "train.label_smoothing",
            "train.augment",
            "train.mix",
            "train.class_weights",
        )
    ),
)
TASK = ModuleTask(FACTS)
