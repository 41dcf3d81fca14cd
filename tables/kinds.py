"""Of what kind a column is: decided for the whole column, from the words that it holds."""

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import pairwise

from predictor.columns import Boolean, Category, Column, Date, Number, Text
from tables.cells import (
    ISO,
    PLAIN,
    Form,
    are_booleans,
    date,
    date_forms,
    is_number,
    number,
    number_forms,
    time_form,
)
from tables.raw import RawColumn
from tables.reading import MISSING

MOSTLY = 0.9  # of the rows: a column with so many numbers is meant to hold numbers
MANY_VALUES = 20
ENOUGH = 1000  # words, to know a file's decimal sign


@dataclass(frozen=True)
class Words:
    """The distinct words of a column that are no missing values, and how many rows hold each."""

    name: str
    texts: Sequence[str]
    counts: Sequence[int]

    @property
    def option(self) -> str:
        """The name of the column, as a command line takes it."""
        return shlex.quote(self.name)


@dataclass(frozen=True)
class Decision:
    """The kind and the form of a column, what to say about it, and words that cannot be of that kind."""

    kind: type[Column]
    form: Form = PLAIN
    notices: list[str] = field(default_factory=list)
    strays: Sequence[str] = ()


def usual_decimal(columns: Iterable[RawColumn], delimiter: str) -> str:
    """Return the decimal sign of the columns that leave no doubt, "" when no column tells."""
    votes: Counter[str] = Counter()
    for column in columns:
        words = [word for word in column.words[:ENOUGH] if word not in MISSING]
        signs = {form.decimal for form in number_forms(words)} if words else set()
        if len(signs) == 1 and any("." in word or "," in word for word in words):
            votes.update(signs)
    # Semicolons separate where commas are decimal signs.
    return votes.most_common(1)[0][0] if votes else "," if delimiter == ";" else ""


def decide(words: Words, decimal: str) -> Decision:
    """Return the kind of a column: the first kind that all of its words are of."""
    texts = words.texts
    if are_booleans(texts):
        return Decision(Boolean)
    if forms := number_forms(texts):
        return fixed_codes(words) or number_decision(words, forms, decimal)
    if forms := date_forms(texts):
        return date_decision(words, forms)
    if form := time_form(texts):
        said = f"column {words.name!r} holds times of day, read as hours: {texts[0]} is {number(texts[0], form):.4g}"
        return Decision(Number, form, [said])
    return near_numbers(words) or Decision(Text if is_text(words) else Category)


def by_hand(words: Words, kind: type[Column], decimal: str) -> Decision:
    """Return what becomes of a column whose kind a person names; words that are no numbers are missing then."""
    texts = words.texts
    if kind is Date:
        forms = date_forms(texts)
        return date_decision(words, forms) if forms else Decision(Date, Form(date=ISO), strays=strays(texts, ISO))
    if kind is not Number:
        return Decision(kind)
    known = [text for text in texts if any(map(str.isdigit, text)) and not any(map(str.isalpha, text))]
    forms = number_forms(known) if known else []
    form = chosen(forms, decimal) if forms else time_form(texts) or PLAIN
    others = tuple(text for text in texts if not is_number(text, form))
    said = (
        f"column {words.name!r}: {len(others):,} words that are no numbers, such as {others[:1]}, are taken as missing"
    )
    return Decision(Number, replace(form, missing=others), [said] if others else [])


def chosen(forms: Sequence[Form], decimal: str) -> Form:
    """Return the form with a decimal sign, or else the first."""
    return next((form for form in forms if form.decimal == decimal), forms[0])


def number_decision(words: Words, forms: Sequence[Form], decimal: str) -> Decision:
    """Return the form of a column of numbers, and say so where the signs could mean something else."""
    form = chosen(forms, decimal)
    if len({form.decimal for form in forms}) == 1 or decimal:
        return Decision(Number, form)
    text = max(words.texts, key=len)
    said = (
        f"column {words.name!r} may have decimal or thousands signs; it is read so: {text} is {number(text, form):.15g}"
    )
    return Decision(Number, form, [said])


def fixed_codes(words: Words) -> Decision | None:
    """Return the decision on codes of one width, of three digits or more, that begin with zeros: no amounts."""
    texts = words.texts
    if len(texts[0]) < 3 or not all(text.isdecimal() and len(text) == len(texts[0]) for text in texts):
        return None
    example = next((text for text in texts if text.startswith("0") and text.strip("0")), None)
    if example is None:
        return None
    said = (
        f"column {words.name!r} holds codes with leading zeros such as {example}, taken as categories "
        f"(--number {words.option} takes them as numbers)"
    )
    return Decision(Category, PLAIN, [said])


def date_decision(words: Words, forms: Sequence[Form]) -> Decision:
    """Return the form of a column of dates: where days may be months, the order that never goes back, or days first."""
    if len(forms) == 1:
        return Decision(Date, forms[0])
    rising = [form for form in forms if is_rising([date(text, form) for text in words.texts])]
    form = rising[0] if len(rising) == 1 else forms[0]
    read = date(words.texts[0], form)
    said = f"column {words.name!r} may have days or months first; it is read so: {words.texts[0]} is {read:%Y-%m-%d}"
    return Decision(Date, form, [said])


def is_rising(dates: Sequence[datetime | None]) -> bool:
    """Whether dates never go back."""
    known = [moment for moment in dates if moment is not None]
    return all(before <= after for before, after in pairwise(known))


def strays(texts: Sequence[str], form: str) -> list[str]:
    """Return the texts that are no dates."""
    return [text for text in texts if date(text, Form(date=form)) is None]


def near_numbers(words: Words) -> Decision | None:
    """Return the decision on a column of numbers with few words in it, None for a column of words."""
    others = {text: count for text, count in zip(words.texts, words.counts, strict=True) if not is_number(text)}
    amount = sum(others.values())
    if amount > (1 - MOSTLY) * sum(words.counts):
        return None
    first = next(iter(others))
    if len(others) > 1 or amount == 1 or any(map(str.isdigit, first)):
        return Decision(Number, strays=list(others))
    said = f"column {words.name!r} holds numbers, and {first[:40]!r} in {amount:,} rows, taken as missing"
    return Decision(Number, Form(missing=(first,)), [said])


def is_text(words: Words) -> bool:
    """Whether words are texts: several words each, and most of them different."""
    lengths = [len(text.split()) for text in words.texts]
    several = sum(length > 1 for length in lengths)
    if several < len(lengths) / 2 or len(lengths) < sum(words.counts) / 2:
        return False
    return len(lengths) > MANY_VALUES or sum(lengths) > 1.5 * len(lengths)
