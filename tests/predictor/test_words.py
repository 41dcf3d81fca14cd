"""The compiled engine counts the terms of texts exactly as scikit-learn's vectorizers do."""

from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from predictor.words import TermCounter
from training.converters.text import words_of

TEXTS = [
    "Quiet flat by the river, by the bridge",
    "the river",
    "river",
    "",
    "a quiet QUIET quiet flat by the river",
    "nothing of all that",
    "by the",
]


@pytest.mark.parametrize("ngrams", [(1, 1), (1, 2), (2, 2), (1, 3), (2, 3), (3, 3)])
@pytest.mark.parametrize(
    "more",
    [{}, {"lowercase": False}, {"stop_words": ["the", "by"]}, {"token_pattern": r"\b\w\b|\briver\b"}],
    ids=["words", "as they are", "without some", "by another pattern"],
)
def test_terms_are_counted_as_by_scikit_learn(ngrams: tuple[int, int], more: dict[str, Any]) -> None:
    vectorizer = CountVectorizer(ngram_range=ngrams, **more).fit([*TEXTS, "a a a river river river"])
    counter = TermCounter(words_of(vectorizer) | {"column": "story", "filled": None})
    np.testing.assert_array_equal(counter.count(TEXTS), vectorizer.transform(TEXTS).toarray())


def counter(filled: str | None) -> TermCounter:
    rules = words_of(CountVectorizer().fit(["quiet river"]))
    return TermCounter(rules | {"column": "story", "filled": filled})


@pytest.mark.parametrize(("filled", "counts"), [("river river", [0, 2]), ("", [0, 0])])
def test_a_missing_text_is_what_the_imputer_fills_in(filled: str, counts: list[int]) -> None:
    assert counter(filled).count([None, "quiet"]).tolist() == [counts, [1, 0]]


def test_a_missing_text_that_nothing_stands_in_for_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^a text of 'story' is missing$"):
        counter(None).count(["quiet", None])
