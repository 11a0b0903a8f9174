"""match: pictures and texts in one space, in which what belongs together is near. CLIP."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="match",
    shape="one to one",
    sources=("picture",),
    takes="pictures and texts",
    gives="how well each picture goes with each text",
    asked_with="PICTURE",
    data="captions.csv",
    hub_tasks={"picture": "zero-shot-image-classification"},
    unit="pairs",
    view="matches",
    exported_as="clip",
    keys=frozenset(
        (
            "data.target_tokenizer",
            "data.vocabulary",
            "data.picture",
            "data.colours",
            "data.fit",
            "train.augment",
            "generate.template",
        )
    ),
)
TASK = ModuleTask(FACTS)
