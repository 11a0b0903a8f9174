"""Fashion-MNIST out of Debian's package: 60,000 and 10,000 gray pictures, 28×28, of ten kinds of clothes and shoes.

    python examples/fashion_mnist.py               # writes data/fashion-mnist/{train,test}.npz
    heedful train classify data/fashion-mnist/train.npz --test data/fashion-mnist/test.npz --network vaswani2017

Needs Debian's or Ubuntu's apt-get and dpkg; nothing is installed. The pictures are Zalando's (Xiao et al. 2017), MIT.
"""

import gzip
import subprocess
import tempfile
from pathlib import Path

import numpy as np

PACKAGE = "dataset-fashion-mnist"
OUTPUT = Path("data/fashion-mnist")
NAMES = np.array(
    ["t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]
)
FILES = {"train": "train", "test": "t10k"}


def main() -> None:
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        (package,) = Path(folder).glob("*.deb")
        subprocess.run(["dpkg", "-x", package, folder], check=True)
        for name, file in FILES.items():
            images = read_idx(next(Path(folder).rglob(f"{file}-images-idx3-ubyte.gz")))
            labels = NAMES[read_idx(next(Path(folder).rglob(f"{file}-labels-idx1-ubyte.gz")))]
            np.savez_compressed(OUTPUT / f"{name}.npz", images=images, labels=labels)
            print(f"{OUTPUT / name}.npz: {len(images):,} pictures")


def read_idx(path: Path) -> np.ndarray:
    """An array in LeCun's format: two zeros, the kind (8: bytes), the number of axes, their lengths, the values."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\0\0\x08":
        raise ValueError(f"{path} does not hold bytes.")
    axes = raw[3]
    shape = np.frombuffer(raw, ">u4", axes, offset=4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape)


if __name__ == "__main__":
    main()
