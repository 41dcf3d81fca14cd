"""A column as it was understood: what a cell may be, how cells are written, and their values."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Category, Column, Date, Number, Text, Values, strings
from tables.cells import BOOLEANS, PLAIN, WHOLE, Form, date, numbers
from tables.kinds import Decision, Words, by_hand, decide, is_text
from tables.raw import RawColumn
from tables.reading import DOUBTFUL, MISSING

FREQUENT = 0.05  # of the rows: a doubtful word that is in so many is a value
KNOWN_VALUES = 1000  # the manifest lists no more


@dataclass(frozen=True)
class Context:
    """What is known of the table round a column: the lines of its rows and the usual decimal sign."""

    lines: NDArray[np.int64]
    decimal: str = ""


@dataclass(frozen=True)
class Observed:
    """A column as it was understood, its neutral values, the words that are no missing values, and what is odd."""

    column: Column
    form: Form
    values: Values  # one a row
    words: Sequence[str]
    notices: Sequence[str] = ()
    faults: Sequence[str] = ()


def observe(
    name: str, raw: RawColumn, context: Context, *, kind: type[Column] | None = None, typed: bool = False
) -> Observed:
    """Return a column as it is understood, or as a person said that it is; `typed`: it holds strings by its type."""
    absent = {""} if typed else missing_words(raw, DOUBTFUL)
    words = words_of(name, raw, absent)
    if not words.texts:
        return empty(name, raw)
    if kind:
        decision = by_hand(words, kind, context.decimal)
    else:
        decision = Decision(Text if is_text(words) else Category) if typed else decide(words, context.decimal)
    faults = [stray_fault(words, place(raw, stray, context), stray, decision.kind) for stray in decision.strays]
    absent |= set(decision.form.missing)
    form = replace(decision.form, values=tuple(text for text in words.texts if text in MISSING and text not in absent))
    words = words_of(name, raw, absent)
    if faults or not words.texts:
        return replace(empty(name, raw), faults=faults)
    return valued(raw, context, words, absent, replace(decision, form=form), by_hand=kind is not None)


def missing_words(raw: RawColumn, doubtful: Collection[str]) -> set[str]:
    """Return the words that mean a missing value: of the doubtful ones, among words, only those that are rare."""
    absent = set(MISSING).intersection(raw.words)
    if not absent & set(doubtful):
        return absent
    words = words_of("", raw, absent)
    if not words.texts or decide(words, "").kind not in {Category, Text}:
        return absent
    often = max(2, FREQUENT * len(raw.codes))
    counts = dict(zip(raw.words, raw.counts.tolist(), strict=True))
    return {word for word in absent if word not in doubtful or counts[word] < often}


def words_of(name: str, raw: RawColumn, absent: Collection[str]) -> Words:
    """Return the words of a column that are no missing values."""
    counts = raw.counts.tolist()
    if set(absent).isdisjoint(raw.words):
        return Words(name, raw.words, counts)
    known = [index for index, word in enumerate(raw.words) if word not in absent]
    return Words(name, [raw.words[index] for index in known], [counts[index] for index in known])


def empty(name: str, raw: RawColumn) -> Observed:
    """Return a column without any value."""
    return Observed(Category(name, missing=True), PLAIN, strings([None] * len(raw.codes)), [])


def valued(
    raw: RawColumn, context: Context, words: Words, absent: Collection[str], decision: Decision, *, by_hand: bool
) -> Observed:
    """Return a column with the values of its words."""
    whole = by_hand and decision.kind is Category and is_whole(words.texts)
    by_word = neutral(decision, words.texts, whole=whole)
    absence = {"O": None, "M": "NaT"}.get(by_word.dtype.kind, np.nan)
    gap = np.array([absence], dtype=by_word.dtype)
    known = np.array([word not in absent for word in raw.words], dtype=bool)
    places = np.where(known, np.cumsum(known) - 1, len(by_word))[raw.codes]
    values = np.concatenate([by_word, gap])[places]
    missing = bool((places == len(by_word)).any())
    if whole and not missing:
        values = values.astype(np.int64)
    faults = []
    if by_word.dtype.kind == "f" and np.isinf(by_word).any():
        text = words.texts[int(np.isinf(by_word).argmax())]
        line = place(raw, text, context)
        faults.append(f"column {words.name!r} holds an infinite value in line {line}; remove that row")
    column = described(words, decision.kind, by_word, whole=whole)
    return Observed(replace(column, missing=missing), decision.form, values, words.texts, decision.notices, faults)


def place(raw: RawColumn, word: str, context: Context) -> int:
    """Return the line of the first row that holds a word."""
    return int(context.lines[int((raw.codes == raw.words.index(word)).argmax())])


def stray_fault(words: Words, line: int, stray: str, kind: type[Column]) -> str:
    """Return what to do about a word in a column of another kind."""
    if kind is Date:
        return f"column {words.name!r} holds {stray[:60]!r} in line {line}, which is no date; leave out --date"
    return (
        f"column {words.name!r} holds numbers, but {stray[:60]!r} in line {line}; correct it, or give --number "
        f"{words.option} (words are missing values), --category or --drop"
    )


def is_whole(texts: Sequence[str]) -> bool:
    """Whether all texts are whole numbers that JSON and float64 hold exactly."""
    return all(WHOLE.match(text) and abs(int(text)) <= 2**53 for text in texts)


def neutral(decision: Decision, texts: Sequence[str], *, whole: bool) -> Values:
    """Return the neutral values of texts: float64, datetime64[us] or strings."""
    if decision.kind is Number or whole:
        return numbers(texts, decision.form)
    if decision.kind is Boolean:
        return np.array([BOOLEANS[text] for text in texts], dtype=np.float64)
    if decision.kind is Date:
        return np.array([date(text, decision.form) for text in texts], dtype="datetime64[us]")
    return strings(texts)


def described(words: Words, kind: type[Column], values: Values, *, whole: bool) -> Column:
    """Return a column with what was seen in it."""
    if kind is Number:
        column = Number(words.name, minimum=float(values.min()), maximum=float(values.max()))
        return column.with_deciles(values, np.asarray(words.counts))
    if kind is Text:
        return Text(words.name, longest=max(map(len, words.texts)))
    if kind is Date:
        return described_dates(words.name, values)
    if kind is Boolean:
        return Boolean(words.name)
    order = sorted(range(len(words.texts)), key=lambda index: (-words.counts[index], words.texts[index]))
    known: list[Any] = [words.texts[index] for index in order[:KNOWN_VALUES]]
    counts = [words.counts[index] for index in order]
    return Category(words.name, values=list(map(int, known)) if whole else known).with_shares(counts, sum(counts))


def described_dates(name: str, values: Values) -> Date:
    """Return a column of dates with the parts that differ enough to say something."""
    numbers = Date(name, parts=["month", "weekday", "hour"]).inputs(values)
    enough = {"month": 3, "weekday": 5, "hour": 2}
    parts = [part for part, least in enough.items() if len(np.unique(numbers[f"{name} {part}"])) >= least]
    plain = Date(name)
    return Date(name, first=plain.cell(values.min()), last=plain.cell(values.max()), parts=parts)
