"""Of what kind each column is: decided for the whole column, from the words that it holds."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from predictor.columns import Boolean, Category, Column, Date, Number, Text, strings
from tables.cells import (
    BOOLEANS,
    ISO,
    PLAIN,
    WHOLE,
    Form,
    are_booleans,
    date,
    date_forms,
    number,
    number_forms,
    numbers,
    time_form,
)
from tables.raw import RawColumn
from tables.reading import DOUBTFUL, MISSING

FREQUENT = 0.05  # of the rows: a doubtful word that is in so many is a value
ALMOST_ALL = 0.9  # of the rows: a column with so many numbers is meant to hold numbers
KNOWN_VALUES = 1000  # the manifest lists no more
MANY_VALUES = 20


@dataclass(frozen=True)
class Observed:
    """A column as it was understood: what it may hold, how it is written, its neutral values, and what is odd."""

    column: Column
    form: Form
    values: NDArray[Any]  # one a row
    words: Sequence[str]  # the distinct words, missing ones left out
    notices: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """The kind and the form of a column, which of its words mean nothing, and what is to be said about that."""

    kind: type[Column]
    form: Form = PLAIN
    strays: tuple[str, ...] = ()  # words that are of another kind
    notices: tuple[str, ...] = ()


def missing_words(column: RawColumn, rows: int) -> set[str]:
    """Return the words of a column that mean a missing value: of the doubtful ones those that are rare among words."""
    found = {word for word in column.words if word in MISSING}
    others = [word for word in column.words if word not in found]
    if not others or number_forms(others) or date_forms(others):
        return found
    counts = dict(zip(column.words, column.counts.tolist(), strict=True))
    return {word for word in found if word not in DOUBTFUL or counts[word] < max(2, FREQUENT * rows)}


def usual_decimal(columns: Mapping[str, RawColumn]) -> str:
    """Return the decimal sign of the columns that leave no doubt, "" when they do not tell."""
    votes: Counter[str] = Counter()
    for column in columns.values():
        words = [word for word in column.words if word not in MISSING]
        forms = number_forms(words) if words else []
        if len({form.decimal for form in forms}) == 1 and forms[0] != PLAIN:
            votes[forms[0].decimal] += 1
        elif forms and forms[0] == PLAIN and any("." in word for word in words):
            votes["."] += 1
    return votes.most_common(1)[0][0] if votes else ""


def decide(name: str, words: Sequence[str], counts: Sequence[int], decimal: str) -> Decision:
    """Return the kind of a column that holds these words, each so many times, missing ones left out."""
    if are_booleans(words):
        return Decision(Boolean)
    if forms := number_forms(words):
        return number_decision(name, words, forms, decimal)
    if forms := date_forms(words):
        return date_decision(name, words, forms)
    if form := time_form(words):
        hour = number(words[0], form)
        return Decision(
            Number,
            form,
            notices=(f"column {name!r} holds times of day; they are read as hours: {words[0]} is {hour:g}",),
        )
    return near_numbers(name, words, counts) or Decision(Text if is_text(words, counts) else Category)


def number_decision(name: str, words: Sequence[str], forms: Sequence[Form], decimal: str) -> Decision:
    """Return the form of a column of numbers: where several fit, the one with the decimal sign of the others."""
    if codes := fixed_codes(words):
        return Decision(
            Category,
            notices=(
                f"column {name!r} holds codes with leading zeros such as {codes}; they are taken as categories "
                f"(--number {name} takes them as numbers)",
            ),
        )
    if forms == [PLAIN]:
        return Decision(Number)
    chosen = next((form for form in forms if form.decimal == decimal), forms[0])
    notices: list[str] = []
    example = f"{words[0]} is {number(words[0], chosen):.15g}"
    if len({form.decimal for form in forms}) > 1 and not decimal:
        notices.append(f"column {name!r} may have decimal or thousands signs; it is read so: {example}")
    elif chosen.sign or chosen.thousands or chosen.decimal != ".":
        notices.append(f"column {name!r}: {example}")
    return Decision(Number, chosen, notices=tuple(notices))


def fixed_codes(words: Sequence[str]) -> str:
    """Return the first of some codes of one width, of three digits or more, that begin with a zero; "" if none."""
    widths = {len(word) for word in words}
    if len(widths) > 1 or min(widths) < 3 or not all(word.isdecimal() for word in words):
        return ""
    return next((word for word in words if word.startswith("0") and word.strip("0")), "")


def date_decision(name: str, words: Sequence[str], forms: Sequence[Form]) -> Decision:
    """Return the form of a column of dates: where days may be months, the order that runs upwards, else days first."""
    if len(forms) == 1:
        return Decision(Date, forms[0])
    rising = [form for form in forms if is_rising([date(word, form) for word in words])]
    chosen = rising[0] if len(rising) == 1 else forms[0]
    read = cast(Any, date(words[0], chosen)).date().isoformat()
    return Decision(
        Date, chosen, notices=(f"column {name!r} may have days or months first; it is read so: {words[0]} is {read}",)
    )


def is_rising(dates: Sequence[Any]) -> bool:
    """Whether dates never go back."""
    return all(before <= after for before, after in zip(dates, dates[1:], strict=False))


def near_numbers(name: str, words: Sequence[str], counts: Sequence[int]) -> Decision | None:
    """Return the decision on a column of numbers with few words in it, None for a column of words."""
    strays = [word for word in words if number(word) is None]
    total = sum(counts)
    amount = sum(count for word, count in zip(words, counts, strict=True) if number(word) is None)
    if amount > (1 - ALMOST_ALL) * total:
        return None
    if len(strays) == 1 and amount > 1 and not any(character.isdigit() for character in strays[0]):
        return Decision(
            Number,
            Form(missing=(strays[0],)),
            notices=(f"column {name!r} holds numbers, and {strays[0][:40]!r} in {amount:,} rows: taken as missing",),
        )
    return Decision(Number, strays=tuple(strays))


def is_text(words: Sequence[str], counts: Sequence[int]) -> bool:
    """Whether words are texts: several words each, and most of them different."""
    several = sum(len(word.split()) > 1 for word in words)
    if several < len(words) / 2 or len(words) < 0.5 * sum(counts):
        return False
    return len(words) > MANY_VALUES or sum(len(word.split()) for word in words) > 1.5 * len(words)


def by_hand(name: str, kind: type[Column], words: Sequence[str], decimal: str) -> Decision:
    """Return the decision of a person on the kind of a column; what cannot be of that kind is a stray."""
    if kind is Number:
        known = [word for word in words if any(character.isdigit() for character in word)]
        forms = number_forms(known) if known else []
        form = next((form for form in forms if form.decimal == decimal), forms[0] if forms else PLAIN)
        form = form if forms else time_form(words) or PLAIN
        strays = tuple(word for word in words if number(word, form) is None)
        if not strays:
            return Decision(Number, form)
        return Decision(
            Number,
            replace(form, missing=strays),
            notices=(
                f"column {name!r}: {len(strays):,} words that are no numbers, such as {strays[0]!r}, are missing",
            ),
        )
    if kind is Date:
        forms = date_forms(words)
        if forms:
            return date_decision(name, words, forms)
        return Decision(Date, Form(date=ISO), strays=tuple(word for word in words if date(word, PLAIN) is None))
    return Decision(kind)


def observe(name: str, raw: RawColumn, lines: NDArray[np.int64], decimal: str, kind: type[Column] | None) -> Observed:
    """Return a column as it is understood, or as a person said that it is."""
    counts = raw.counts
    absent = missing_words(raw, len(raw.codes))
    present = [index for index, word in enumerate(raw.words) if word not in absent]
    words = [raw.words[index] for index in present]
    if not words:
        column = Category(name, missing=True)
        return Observed(column, PLAIN, strings([None] * len(raw.codes)), [])
    chosen = (
        by_hand(name, kind, words, decimal) if kind else decide(name, words, [int(counts[i]) for i in present], decimal)
    )
    form = replace(chosen.form, values=tuple(word for word in words if word in MISSING))
    absent = absent | set(form.missing)
    known = np.array([word not in absent for word in raw.words])
    faults = [stray_fault(name, word, raw, lines, chosen.kind) for word in chosen.strays]
    words = [word for word in words if word not in absent]
    if faults or not words:
        return Observed(Category(name, missing=True), form, strings([None] * len(raw.codes)), words, (), tuple(faults))
    values, whole = neutral(chosen.kind, words, form, by_hand=kind is not None)
    table = np.empty(len(raw.words), dtype=values.dtype)
    table[known] = values
    table[~known] = (
        None if values.dtype == object else np.array("NaT" if values.dtype.kind == "M" else np.nan, dtype=values.dtype)
    )
    if np.isinf(values).any() if values.dtype.kind == "f" else False:
        infinite = words[int(np.isinf(values).argmax())]
        line = lines[int((raw.codes == raw.words.index(infinite)).argmax())]
        faults.append(f"column {name!r} holds an infinite value in line {line}; remove that row")
    column = describe(name, chosen.kind, words, [int(counts[i]) for i in np.flatnonzero(known)], values, whole)
    column = replace(column, missing=bool(counts[~known].sum()))
    found = table[raw.codes]
    if whole and not column.missing:
        found = found.astype(np.int64)
    return Observed(column, form, found, words, chosen.notices, tuple(faults))


def stray_fault(name: str, word: str, raw: RawColumn, lines: NDArray[np.int64], kind: type[Column]) -> str:
    """Return what to do about a word in a column of another kind."""
    line = lines[int((raw.codes == raw.words.index(word)).argmax())]
    option = f"{name}"
    if kind is Date:
        return f"column {name!r}: {word[:60]!r} in line {line} is no date; correct it, or leave out --date {option}"
    return (
        f"column {name!r} holds numbers, but {word[:60]!r} in line {line}; correct it, or take such words as missing with "
        f"--number {option}, all as categories with --category {option}, or leave the column out with --drop {option}"
    )


def neutral(kind: type[Column], words: Sequence[str], form: Form, by_hand: bool) -> tuple[NDArray[Any], bool]:
    """Return the neutral values of words, and whether they are categories of whole numbers."""
    if kind is Number:
        return numbers(words, form), False
    if kind is Boolean:
        return np.array([BOOLEANS[word] for word in words], dtype=np.float64), False
    if kind is Date:
        return np.array([date(word, form) for word in words], dtype="datetime64[us]"), False
    whole = (
        kind is Category and by_hand and all(map(WHOLE.match, words)) and all(abs(int(word)) < 2**53 for word in words)
    )
    return np.array([int(word) for word in words], dtype=np.float64) if whole else strings(words), whole


def describe(
    name: str, kind: type[Column], words: Sequence[str], counts: Sequence[int], values: NDArray[Any], whole: bool
) -> Column:
    """Return a column with what was seen in it."""
    if kind is Number:
        return Number(name, minimum=float(values.min()), maximum=float(values.max()))
    if kind is Boolean:
        return Boolean(name)
    if kind is Text:
        return Text(name, longest=max(map(len, words)))
    if kind is Date:
        return describe_date(name, values)
    order = sorted(range(len(words)), key=lambda index: (-counts[index], words[index]))
    return Category(name, values=[int(words[i]) if whole else words[i] for i in order[:KNOWN_VALUES]])


def describe_date(name: str, values: NDArray[Any]) -> Date:
    """Return a column of dates with the parts that differ enough to say something."""
    found = Date(name, parts=["month", "weekday", "hour"]).inputs(values)
    enough = {"month": 3, "weekday": 5, "hour": 2}
    parts = [part for part, least in enough.items() if len(np.unique(found[f"{name} {part}"])) >= least]
    plain = Date(name)
    return Date(name, first=plain.cell(values.min()), last=plain.cell(values.max()), parts=parts)
