"""Counting the terms of texts as scikit-learn's vectorizers do, without scikit-learn."""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


class TermCounter:
    """Counts how often each term of a vocabulary stands in a text, by the rules that a compiled model brings."""

    def __init__(self, rules: dict[str, Any]) -> None:
        self.column: str = rules["column"]
        self.filled: str | None = rules["filled"]
        self.lowercase: bool = rules["lowercase"]
        self.words = re.compile(rules["pattern"]).findall
        self.shortest, self.longest = rules["ngrams"]
        self.left_out = frozenset(rules["left_out"])
        self.terms = {term: index for index, term in enumerate(rules["terms"])}

    def count(self, texts: Sequence[str | None]) -> NDArray[np.float64]:
        """Return the counts, of shape (texts, terms); ValueError for a missing text that nothing stands in for."""
        counts = np.zeros((len(texts), len(self.terms)))
        for row, text in enumerate(texts):
            given = self.filled if text is None else text
            if given is None:
                raise ValueError(f"a text of {self.column!r} is missing")
            indices = [self.terms[term] for term in self._terms(given) if term in self.terms]
            if indices:
                counts[row] = np.bincount(indices, minlength=len(self.terms))
        return counts

    def _terms(self, text: str) -> Iterator[str]:
        words = self.words(text.lower() if self.lowercase else text)
        if self.left_out:
            words = [word for word in words if word not in self.left_out]
        if self.longest == 1:
            return iter(words)
        lengths = range(self.shortest, min(self.longest, len(words)) + 1)
        runs = ((words[start : start + n] for start in range(len(words) - n + 1)) for n in lengths)
        return map(" ".join, itertools.chain.from_iterable(runs))
