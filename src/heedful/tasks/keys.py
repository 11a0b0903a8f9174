"""Keys of a recipe that several tasks use, for their facts to name."""

PICTURES = frozenset({"data.picture", "data.colours", "data.fit"})
SAMPLING = frozenset({f"generate.{key}" for key in ("sample", "temperature", "top_k", "top_p", "min_p", "seed")})
SEARCH = SAMPLING | {"generate.beam", "generate.length_penalty"}
WRITING = SEARCH | {
    "generate.finish",
    "generate.renormalize",
    "generate.max_length",
    "generate.repetition_penalty",
    "generate.no_repeat_ngram",
    "generate.prefix",
    "generate.required",
    "generate.forbidden",
    "generate.stop",
}
"""What is searched for as texts: translations, captions, continuations."""
