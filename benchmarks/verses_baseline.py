"""How well can two translations of a verse be told apart without a network? TF-IDF and logistic regression.

    pip install "heedful[demo]"
    python benchmarks/verses_baseline.py

Learns on sample://verses/train, and is scored on test, as a network is. The yardstick is scikit-learn as it comes; the
others show how far counting gets with pairs of words, and with letters. Nothing is chosen on valid.
"""

import time

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from heedful.data.samples.verses import read
from heedful.metrics.scores import evaluate

VECTORIZERS = {
    "words": TfidfVectorizer(),
    "words and pairs of words": TfidfVectorizer(ngram_range=(1, 2)),
    "1 to 4 letters": TfidfVectorizer(analyzer="char", ngram_range=(1, 4), lowercase=False),
}


def main() -> None:
    texts, labels = rows("train")
    tests, truths = rows("test")
    print(f"{len(texts):,} texts to learn from, {len(tests):,} to be tested on")
    for label, vectors in VECTORIZERS.items():
        clock = time.perf_counter()
        outputs = make_pipeline(vectors, LogisticRegression(max_iter=1000)).fit(texts, labels).predict(tests).tolist()
        seconds = time.perf_counter() - clock
        right = evaluate("classes", tests, outputs, [(truth,) for truth in truths]).measures["accuracy"]
        print(
            f"{label:26} {right.value:.2f} % right ({right.low:.2f} to {right.high:.2f})   {seconds:.0f} s", flush=True
        )


def rows(split: str) -> tuple[list[str], list[str]]:
    """Texts and their translations."""
    columns_of_rows = [row.columns for row in read(f"sample://verses/{split}")]
    return [columns["source"] for columns in columns_of_rows], [columns["target"] for columns in columns_of_rows]


if __name__ == "__main__":
    main()
