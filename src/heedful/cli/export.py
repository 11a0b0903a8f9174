"""heedful export: a trained model for other engines, or to be shared."""

from typing import Annotated

import typer

from heedful.cli.words import OutputFlag
from heedful.errors import size_of
from heedful.exporters import require_target
from heedful.names import require_models

Names = Annotated[
    list[str], typer.Argument(metavar="RUN", help="A trained or published model: its folder, or its hub name.")
]
To = Annotated[
    str,
    typer.Option(
        "--to",
        metavar="FORMAT",
        help="heedful (to share a run), page (one or several that answer in a browser), hf (published layouts), "
        "onnx (nearly any model) or ct2 (translation models).",
    ),
]
WithHashes = Annotated[
    bool, typer.Option("--with-hashes", help="With --to heedful: hashes of training rows, which evaluate knows again.")
]


def run(run_names: Names, to: To, output: OutputFlag = None, with_hashes: WithHashes = False) -> None:
    """Write a trained model into a folder with all that is needed to ask it: for other engines, or to share it.

    \b
    heedful export runs/mine --to heedful              what answers, without data, checkpoints and paths
    heedful export runs/mine --to hf                   for transformers, and all that reads its format
    heedful export runs/mine --to onnx                 into exports/mine-onnx
    heedful export runs/mine --to ct2 -o FOLDER        for CTranslate2
    heedful export runs/a runs/b --to page -o ab.html  one HTML file in which they answer side by side, without network

    What engines run answers one batch as the network does, or it is not kept. docs/export.md shows how to ask it.
    """
    require_models(*run_names)
    require_target(to)

    from heedful.api.export import export
    from heedful.report.columns import columns

    result = export(run_names, to, output, with_hashes=with_hashes)
    print(result.folder)
    rows = [[f"  {name}", size_of(size), meaning] for name, (size, meaning) in result.files.items()]
    print(columns(rows, left_aligned={0, 2}))
    print("\n".join(result.notes))
