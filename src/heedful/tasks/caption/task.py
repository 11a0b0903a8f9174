"""caption, one to many: a picture in, a sentence out."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="caption",
    shape="one to many",
    sources=("picture",),
    takes="a picture",
    gives="a text that says what is to be seen",
    asked_with="PICTURE",
    data="captions.csv",
    hub_tasks={"picture": "image-to-text"},
    view="captions",
    searches=True,
    keys=frozenset(
        (
            "data.target_tokenizer",
            "data.vocabulary",
            "data.picture",
            "data.colours",
            "data.fit",
            "train.label_smoothing",
            "train.augment",
            "generate.beam",
            "generate.length_penalty",
            "generate.finish",
            "generate.close",
            "generate.renormalize",
            "generate.max_length",
            "generate.sample",
            "generate.temperature",
            "generate.top_k",
            "generate.top_p",
            "generate.min_p",
            "generate.repetition_penalty",
            "generate.no_repeat_ngram",
            "generate.prefix",
            "generate.required",
            "generate.forbidden",
            "generate.stop",
            "generate.seed",
        )
    ),
)
TASK = ModuleTask(FACTS)
