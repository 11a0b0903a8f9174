"""translate, many to many: a text in, a text out. Spelling to sounds, one language to another, any pairs."""

from heedful.tasks.adapter import ModuleTask
from heedful.tasks.task import TaskFacts

FACTS = TaskFacts(
    verb="translate",
    shape="many to many",
    sources=("text",),
    takes="a text",
    gives="a text",
    asked_with='"…"',
    data="pairs.tsv",
    hub_tasks={"text": "translation"},
    searches=True,
    aligns=True,
    explains=True,
    exported_as="marian",
    keys=frozenset(
        (
            "data.source_tokenizer",
            "data.target_tokenizer",
            "data.shared_tokenizer",
            "data.vocabulary",
            "data.max_ratio",
            "train.label_smoothing",
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
