"""label, many to many, in step: a label for each frame of a video, step of a series or word of a text."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="label",
    shape="many to many, in step",
    sources=("frames", "series", "tokens"),
    takes="a video, a series of numbers or a text",
    gives="a label at each step, and how likely each label is there",
    asked_with="FILE",
    data="clips/",
    hub_tasks={"frames": "video-classification", "tokens": "token-classification"},
    unit="steps",
    view="steps",
    keys=frozenset(
        (
            "data.picture",
            "data.colours",
            "data.fit",
            "data.frame_rate",
            "data.window",
            "network.causal",
            "train.label_smoothing",
            "train.augment",
            "train.smooth_steps",
        )
    ),
)
TASK = ModuleTask(FACTS)
