"""Baselines: counted words are counted as scikit-learn counts them, words get their most frequent tag."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.naive_bayes import MultinomialNB

from heedful.errors import HeedfulError
from heedful.metrics import bags, baselines

WORDS = [f"word{number}" for number in range(300)]
BY_LAW = {"token_pattern": r"\w+", "ngram_range": (1, 2)}


def texts(rows: int, seed: int) -> tuple[list[str], np.ndarray]:
    """Texts of 0 to 12 words, each class with frequent words of its own; words are written in any case."""
    rng = np.random.default_rng(seed)
    classes = rng.integers(5, size=rows)
    weights = 1 / np.arange(1, len(WORDS) + 1)
    drawn = [np.roll(weights, 40 * each) / weights.sum() for each in classes]
    lengths = rng.integers(13, size=rows)
    lines = [rng.choice(WORDS, length, p=p) for length, p in zip(lengths, drawn, strict=True)]
    return [" ".join(word.upper() if rng.random() < 0.2 else word for word in line) for line in lines], classes


def test_counted_words_tell_classes_as_scikit_learn_does():
    (train, classes), (test, _) = texts(600, seed=0), texts(200, seed=1)
    bag = bags.Bag(train, most=10**6)
    assert not bag.by_letters
    counter = CountVectorizer(vocabulary=bag.numbers, **BY_LAW)
    counts = bag.counts(train)
    assert len(counts.values) == counter.transform(train).nnz
    ours = bags.NaiveBayes(counts, classes, 5)
    other = MultinomialNB(alpha=bags.SMOOTHING).fit(counter.transform(train), classes)
    assert ours.classes(bag.counts(test)).tolist() == other.predict(counter.transform(test)).tolist()
    layer = bags.LinearLayer(counts, classes, 5)
    tfidf = TfidfVectorizer(vocabulary=bag.numbers, sublinear_tf=True, **BY_LAW).fit(train)
    exact = RidgeClassifier(alpha=bags.PENALTY, solver="cholesky").fit(tfidf.transform(train).toarray(), classes)
    rows = layer.tfidf(bag.counts(test))
    outputs = np.stack([rows.times(weights) + bias for weights, bias in zip(layer.weights, layer.biases, strict=True)])
    assert pytest.approx(exact.decision_function(tfidf.transform(test).toarray()), abs=0.01) == outputs.T


def test_pairs_of_words_count_if_two_texts_have_them():
    bag = bags.Bag(["a b c", "a b", "c a", "c"], most=4)
    assert bag.numbers == {"a": 0, "c": 1, "a b": 2, "b": 3}  # the most frequent ones, then by alphabet
    assert bag.counts(["B a b a"]).values.tolist() == [2, 2, 1]


@pytest.mark.parametrize("written", [["Haus", "House", "Maus", "Mouse"], ["これは本です。", "那是一本书。"] * 2])
def test_texts_without_words_are_told_by_their_letters(written):
    names = ["one", "two"] * 2
    answers = bags.counted(written, names)
    assert [name.split(",")[0] for name in answers] == ["naive Bayes over letters", "TF-IDF of letters"]
    for answer in answers.values():
        assert answer(written) == names


def test_a_linear_layer_is_fitted_to_as_many_texts_as_there_is_time_for(monkeypatch):
    train, classes = texts(600, seed=0)
    targets = [str(number) for number in classes]
    monkeypatch.setattr(bags, "PRODUCTS", 5000)
    _, name = bags.counted(train, targets)
    assert name.startswith("TF-IDF of words, linear layer, fitted to ") and name.endswith(" of 600 texts")
    few, _ = bags.within(bags.Bag(train, 100).counts(train), 1000)
    assert 0 < len(few) < 600 and len(set(few.tolist())) == len(few)


def test_what_was_never_seen_is_answered_too():
    answers = bags.counted(["to be", "or not", "to be"], ["yes", "no", "yes"])
    for answer in answers.values():
        assert answer(["", "unheard of"]) == ["yes", "yes"]


def test_words_get_their_most_frequent_tag():
    tags = baselines.WordTags(
        [(("The", "can", "can", "hold"), ("D", "N", "V", "V")), (("a", "can", "x"), ("D", "N", "")), (("b",), ("D",))]
    )
    assert tags.answers(["can", "Can", "The", "x", "new"]) == ["N", "N", "D", "D", "D"]  # seen once: D thrice, V once
    with pytest.raises(HeedfulError, match="no training example"):
        baselines.WordTags([(("x",), ("",))])


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_are_near_that_have_the_same_colours(channels):
    rng = np.random.default_rng(0)
    pictures = rng.integers(256, size=(7, 6, 6, channels), dtype=np.uint8)
    moved = pictures.reshape(7, 36, channels)[:, rng.permutation(36)].reshape(pictures.shape)
    looks = baselines.colours(pictures)
    levels = {1: 32, 3: 8}[channels]
    shares, _ = np.histogramdd(pictures[2].reshape(-1, channels), levels, [(0, 256)] * channels)
    assert looks[2] == pytest.approx(255 * np.sqrt(shares.ravel() / 36), abs=0.5)
    names = [str(number) for number in range(7)]
    assert baselines.NearestPicture(pictures, names, baselines.colours).answers(moved) == names
