"""What is written down while training goes on: metrics.jsonl always, TensorBoard where it was asked for."""

import json
from dataclasses import asdict
from pathlib import Path

from heedful.data.folders import write_file
from heedful.errors import HeedfulError
from heedful.results import Progress


class Log:
    """Lines of metrics.jsonl in a run's folder."""

    def __init__(self, folder: Path, track: str) -> None:
        self.path = folder / "metrics.jsonl"
        self.board = board(folder) if track == "tensorboard" else None
        self.unwritten = ""

    def write(self, line: Progress) -> None:
        """Appends a line, after those that a full disk did not take; raises OSError if it takes none again."""
        self.unwritten += json.dumps(asdict(line)) + "\n"
        with self.path.open("ab", buffering=0) as file:
            size, lines = file.tell(), self.unwritten.encode()
            try:
                while lines:
                    lines = lines[file.write(lines) :]
            except OSError:
                file.truncate(size)  # no half line, to which the next one would be appended
                raise
        self.unwritten = ""
        if self.board:
            for name, value in line.values.items():
                self.board.add_scalar(f"{line.kind}/{name}", value, line.step)

    def rewind(self, step: int) -> None:
        """Takes back what was written after `step`; step 0: everything."""
        if not self.path.exists() or not step:
            self.path.unlink(missing_ok=True)
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        # a process killed while it wrote leaves half a line, always the last
        complete_lines = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        write_file(self.path, lambda aside: aside.write_text("".join(complete_lines), encoding="utf-8"))

    def lacks(self, measure: str) -> bool:
        """Whether there were validations, and none had this measure: those of a version that chose by another one."""
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        valid = [line["values"] for line in map(json.loads, lines) if line["kind"] == "valid"]
        return bool(valid) and all(measure not in values for values in valid)


def board(folder: Path):
    """TensorBoard's writer; raises HeedfulError if it is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise HeedfulError("train.track=tensorboard needs TensorBoard.", 'pip install "heedful[track]"') from None
    return SummaryWriter(folder / "tensorboard")
