"""RoBERTa (Liu et al. 2019) and XLM-R (Conneau et al. 2020): BERT with other tokens and other layers on top."""

from dataclasses import replace

from heedful.hub import words
from heedful.hub.bert import BLOCK, KEYS
from heedful.hub.family import Family
from heedful.hub.text_encoder import TextEncoder

NAMES = TextEncoder(
    family="roberta",
    tasks={
        "RobertaModel": (),
        "RobertaForMaskedLM": ("fill",),
        "RobertaForSequenceClassification": ("classify",),
        "RobertaForTokenClassification": ("label",),
    },
    prefix="roberta.",
    keys=KEYS,
    layers="encoder.layer.",
    block=BLOCK,
    filler={"linear": "lm_head.dense", "norm": "lm_head.layer_norm"},
    filler_activation="gelu",
    decoder="lm_head.decoder",
    bias="lm_head.bias",
    classifier={"pooler": "classifier.dense", "head": "classifier.out_proj"},
    unused_names=(r"roberta\.pooler\.dense\.(weight|bias)", r"lm_head\.bias"),
    padded=True,
)
XLM = replace(NAMES, family="xlm-roberta", tasks={f"XLM{name}": tasks for name, tasks in NAMES.tasks.items()})


def family() -> Family:
    """The row of RoBERTa."""
    return NAMES.as_family(words.ROBERTA, "RobertaTokenizer")


def family_across_languages() -> Family:
    """The row of XLM-R."""
    return XLM.as_family(words.ROBERTA, "XLMRobertaTokenizer")
