"""A model in the Hugging Face format, for transformers and all that reads what it reads."""

from pathlib import Path

from heedful import hub
from heedful.exporters.package import ExportedFiles, Package
from heedful.hub import Published
from heedful.tasks.task import find_task

FILES = {
    "config.json": "settings",
    "model.safetensors": "weights",
    "generation_config.json": "how answers are written",
    "preprocessor_config.json": "how pictures are prepared",
    "tokenizer.json": "tokenizer",
    "tokenizer_config.json": "its special tokens",
    "target/tokenizer.json": "tokenizer of what is written",
    "target/tokenizer_config.json": "its special tokens",
    "special_tokens_map.json": "the same for older readers",
    "target/special_tokens_map.json": "the same for older readers",
    "vocab.json": "tokenizer",
    "merges.txt": "tokenizer",
    "vocab.txt": "tokenizer",
    "source.spm": "tokenizer of what is read",
    "target.spm": "tokenizer of what is written",
}


def require() -> None:
    """Nothing more than Heedful itself."""


def refuse(package: Package) -> None:
    """Raises HeedfulError for what the format has no place for."""
    published_of(package, [])


def write(package: Package, folder: Path) -> ExportedFiles:
    """Writes the folder; raises HeedfulError as `refuse` does."""
    notes: list[str] = []
    published = published_of(package, notes)
    hub.write(published, folder)
    return ExportedFiles(FILES, [*notes, f'use: transformers, {published.plan.architecture}.from_pretrained("FOLDER")'])


def published_of(package: Package, notes: list[str]) -> Published:
    """The model as its family publishes one, with notes on what could not be said of it."""
    learning = find_task(package.recipe.task).learning
    return package.published or learning.to_hub(package.model, package.recipe, notes)
