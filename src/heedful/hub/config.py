"""A config.json, read key by key: what is unknown, or asks for something that there is not, is refused by its name."""

import math
import re
from collections.abc import Mapping
from typing import Any

from heedful.blocks.names import Activation
from heedful.errors import HeedfulError

ACTIVATIONS: dict[str, Activation] = {
    "relu": "relu",
    "gelu": "gelu",
    "gelu_python": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "quick_gelu": "quick_gelu",
    "silu": "silu",
    "swish": "silu",
}
"""Their names for what stands between two linear layers."""
THEIRS: dict[str, str] = {"gelu_tanh": "gelu_new"}
"""Ours, where theirs is another."""

NEUTRAL = re.compile(
    # where it comes from, and how it is kept
    r"_name_or_path|architectures|model_type|transformers_version|torch_dtype|dtype|_commit_hash|tokenizer_class"
    r"|finetuning_task|problem_type|tie_encoder_decoder|id2label|label2id|_num_labels|num_labels|task_specific_params|name|use_bfloat16|torchscript"
    # how the library runs it
    r"|_?attn_implementation|_attn_implementation_autoset|use_cache|output_attentions|output_hidden_states"
    r"|output_past|return_dict|gradient_checkpointing|chunk_size_feed_forward|is_encoder_decoder|tf_legacy_loss"
    # how it was begun and trained
    r"|initializer_range|initializer_factor|init_std|.*dropout.*|.*_pdrop|.*layerdrop|save_step"
    # how it is searched, which generation says anew
    r"|(bos|eos|pad|sep|unk|cls|mask|decoder_start|forced_bos|forced_eos)_token_id|bad_words_ids|max_length|min_length"
    r"|num_beams|num_beam_groups|do_sample|early_stopping|length_penalty|diversity_penalty|repetition_penalty"
    r"|no_repeat_ngram_size|encoder_no_repeat_ngram_size|num_return_sequences|temperature|top_k|top_p|typical_p"
    r"|exponential_decay_length_penalty|remove_invalid_values|return_dict_in_generate|output_scores|suppress_tokens"
    r"|begin_suppress_tokens|force_bos_token_to_be_generated|prefix|cross_attention_hidden_size"
)
"""Keys that change no vector of an answer."""


class Config:
    """One table of settings. `refuse_unused` refuses what nobody asked for."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.table, self.where, self.used = table, where, set[str]()

    def get(self, key: str, default: Any) -> Any:
        """A setting, or what the library takes where the file leaves it out."""
        self.used.add(key)
        return self.table.get(key, default)

    def number(self, key: str, default: int) -> int:
        """A whole number above 0."""
        value = self.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.refuse(key, value, "a whole number above 0")
        return value

    def positive(self, key: str, default: float) -> float:
        """A number above 0."""
        value = self.get(key, default)
        if not is_number(value) or not 0 < value < math.inf:
            raise self.refuse(key, value, "a number above 0")
        return float(value)

    def fraction(self, key: str, default: float) -> float:
        """A number from 0 to below 1."""
        value = self.get(key, default)
        if not is_number(value) or not 0 <= value < 1:
            raise self.refuse(key, value, "a number from 0 to below 1")
        return float(value)

    def only(self, key: str, *allowed: Any) -> Any:
        """A setting that must be one of these, the first where it is left out; 1 is not true."""
        value = self.get(key, allowed[0])
        if not any(value == option and type(value) is type(option) for option in allowed):
            raise self.refuse(key, value, " or ".join(map(repr, allowed)))
        return value

    def activation(self, key: str, default: str) -> Activation:
        """Our name of an activation."""
        value = self.get(key, default)
        if value not in ACTIVATIONS:
            raise self.refuse(key, value, ", ".join(ACTIVATIONS))
        return ACTIVATIONS[value]

    def side(self, key: str, default: int) -> int:
        """The side of a square, which some files give twice."""
        value = self.get(key, default)
        if isinstance(value, list) and len(value) == 2 and value[0] == value[1]:
            value = value[0]
        if not isinstance(value, int) or value < 1:
            raise self.refuse(key, value, "one whole number: pictures and patches are square")
        return value

    def table_of(self, key: str) -> "Config":
        """A table within."""
        value = self.get(key, None)
        if not isinstance(value, dict):
            raise self.refuse(key, value, "a table of settings")
        return Config(value, f"{self.where}, {key}")

    def refuse_unused(self) -> None:
        """Raises HeedfulError for the keys that nobody knows."""
        self.only("pruned_heads", {}, None)
        if over := sorted(key for key in self.table if key not in self.used and not NEUTRAL.fullmatch(key)):
            settings = ", ".join(f"{key} = {self.table[key]!r}" for key in over)
            raise HeedfulError(f"{self.where} has settings that Heedful does not know: {settings}.", SETTINGS_HINT)

    def refuse(self, key: str, value: Any, allowed: str) -> HeedfulError:
        """The error for a value that nothing here stands for."""
        return HeedfulError(f"{self.where}: {key} is {value!r}, which Heedful does not have.", f"It has {allowed}.")


def is_number(value: Any) -> bool:
    """Whether a value is a number, as JSON has it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


SETTINGS_HINT = "A setting that changes what a network computes is never guessed: docs/hub.md says what is read."


LABELS = ("id2label", "label2id")
"""Tables that are whole: there may have been more classes before."""


def merge_config(config: Mapping[str, Any], computed: Mapping[str, Any]) -> dict[str, Any]:
    """A config.json to write: as it was published, with what is computed anew where that says something else."""
    merged = dict(config)
    for key, value in computed.items():
        old = config.get(key)
        if isinstance(old, dict) and isinstance(value, dict) and key not in LABELS:
            merged[key] = merge_config(old, value)
        elif key not in config or means(old) != means(value):
            merged[key] = value
    return merged


def means(value: Any) -> Any:
    """What a value says: several names stand for one activation."""
    return ACTIVATIONS.get(value, value) if isinstance(value, str) else value


def activation_name(activation: str) -> str:
    """Their name of an activation of ours."""
    return THEIRS.get(activation, activation)
