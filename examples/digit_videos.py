"""Some of the composed digit clips as real mp4 files, each beside a text file with a label a frame.

    python examples/digit_videos.py b test 40              # writes data/digit-videos/b/test/000.mp4, 000.txt, …
    heedful train label sample://digit-clips/b/train --minutes 10 -o runs/digits-before
    heedful evaluate runs/digits-before data/digit-videos/b/test
    heedful label runs/digits-before data/digit-videos/b/test/000.mp4

The first word is the task: a (which digit is shown) or b (which was shown before it). H.264 keeps the frames only
nearly as they were. Needs pip install "heedful[demo,video]". What the clips are: heedful/data/step_samples.py.
"""

import sys
from pathlib import Path
from typing import Any

import av
import numpy as np

from heedful.data.samples import steps as step_samples

OUTPUT = Path("data/digit-videos")
RATE = 10  # frames a second


def main(task: str = "b", split: str = "test", clips: str = "40") -> None:
    folder = OUTPUT / task / split
    folder.mkdir(parents=True, exist_ok=True)
    name = f"sample://digit-clips/{task}/{split}"
    for number, clip in zip(range(int(clips)), step_samples.read(name), strict=False):
        frames, _ = step_samples.values(clip.source)
        write(folder / f"{number:03}.mp4", frames)
        (folder / f"{number:03}.txt").write_text("".join(f"{label}\n" for label in clip.labels), encoding="utf-8")
    print(f"{folder}: {len(list(folder.glob('*.mp4')))} videos of {step_samples.LENGTH} frames, {RATE} a second")


def write(path: Path, frames: np.ndarray) -> None:
    """Frames (T, H, W) of gray bytes as a video."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE, options={"crf": "12"})
        stream.height, stream.width = frames.shape[1:]
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="gray")))
        container.mux(stream.encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
