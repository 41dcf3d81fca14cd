"""How the cells of a column are written, and what they mean: numbers, truth values, dates and times of day."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.columns import moment

BOOLEANS = {word: value for word in ("true", "false") for value in [word == "true"]}
BOOLEANS |= {spelled(word): value for word, value in BOOLEANS.items() for spelled in (str.title, str.upper)}

MONEY = "$€£¥₹"
# Decimal sign and thousands separator, the usual first.
SIGNS = [(".", ""), (".", ","), (",", ""), (",", "."), (".", " "), (",", " "), (".", "'"), (",", "'")]
ODD_SIGNS = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'"})
NOT_PLAIN = re.compile(r"[^0-9eE.+-]")
GROUPED = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+\Z")  # where dots may separate thousands
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]*)\Z")

FEW = 20  # texts, to see at once that a column holds something else

ISO = "ISO 8601"
DAYS = [
    "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y",
    "%d.%m.%y", "%d-%m-%y", "%m-%d-%y", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y",
    "%b %d %Y", "%a %b %d %Y", "%Y-%m", "%Y/%m", "%b %Y", "%B %Y", "%b-%Y",
]  # fmt: skip
TIMES = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", " %H.%M.%S"]
DATES = [day + time for day, time in product(DAYS, TIMES)]
TIME_OF_DAY = re.compile(r"([0-9]{1,2})([:.])([0-5][0-9])(?:\2([0-5][0-9]))?\Z")


@dataclass(frozen=True)
class Form:
    """How the cells of one column are written."""

    decimal: str = "."
    thousands: str = ""
    sign: str = ""  # of money, or per cent
    date: str = ""
    time: str = ""  # the separator of hours, minutes and seconds
    values: tuple[str, ...] = ()  # words that elsewhere mean a missing value
    missing: tuple[str, ...] = ()  # words that mean a missing value here only

    def describe(self) -> dict[str, Any]:
        """Return what differs from the plain form."""
        plain = Form()
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != getattr(plain, key)
        }

    @classmethod
    def from_manifest(cls, known: dict[str, Any]) -> "Form":
        """Return what describe() described."""
        names = {field.name for field in fields(cls)}
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in known.items() if k in names}
        return cls(**options)


PLAIN = Form()


@lru_cache
def number_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    """Return what a number with these signs looks like; digits in groups of three, where there is a separator."""
    point = re.escape(decimal)
    grouped = rf"[1-9][0-9]{{0,2}}(?:{re.escape(thousands)}[0-9]{{3}})+|" if thousands else ""
    digits = rf"(?:{grouped}[0-9]+)(?:{point}[0-9]*)?|{point}[0-9]+"
    return re.compile(rf"[+-]?(?:(?:{digits})(?:e[+-]?[0-9]+)?|inf(?:inity)?)\Z", re.IGNORECASE)


def bare(text: str, form: Form) -> str:
    """Return a number's text without its sign of money or per cent, its blanks and odd characters made plain."""
    text = text.translate(ODD_SIGNS)
    return text.replace(form.sign, "", 1).strip() if form.sign else text


def number(text: str, form: Form = PLAIN) -> float | None:
    """Return the number that a text in this form is, None when it is none."""
    if form.time:
        return hours(text, form.time)
    text = bare(text, form)
    if not number_pattern(form.decimal, form.thousands).match(text):
        return None
    return float(text.replace(form.thousands, "").replace(form.decimal, ".") if form != PLAIN else text)


def is_number(text: str, form: Form = PLAIN) -> bool:
    """Whether a text in this form is a number."""
    return number(text, form) is not None


def numbers(texts: Sequence[str], form: Form = PLAIN) -> NDArray[np.float64]:
    """Return texts as numbers, with NaN for those that are none."""
    if form.decimal == "." and not (form.thousands or form.sign or form.time) and not NOT_PLAIN.search("".join(texts)):
        try:
            return np.array(texts, dtype=object).astype(np.float64)
        except ValueError:
            pass  # one of them is no number: each alone
    parsed = [number(text, form) for text in texts]
    return np.array([np.nan if value is None else value for value in parsed], dtype=np.float64)


def number_forms(texts: Sequence[str]) -> list[Form]:
    """Return the forms in which all of these texts are numbers, the likeliest first."""
    joined = "".join(texts)
    if not NOT_PLAIN.search(joined) and not all(map(GROUPED.match, texts)):
        return [PLAIN] if not np.isnan(numbers(texts)).any() else []
    if len(texts) > FEW and not number_forms(texts[:FEW]):
        return []
    sign = common_sign(texts)
    shown = [bare(text, Form(sign=sign)) for text in texts]
    if not any(map(str.isdigit, joined)):
        return []
    return [
        Form(decimal, thousands, sign)
        for decimal, thousands in SIGNS
        if ((thousands or decimal) in joined.translate(ODD_SIGNS) or (decimal, thousands) == SIGNS[0])
        and all(map(number_pattern(decimal, thousands).match, shown))
    ]


def common_sign(texts: Sequence[str]) -> str:
    """Return the sign of money or per cent that each of these texts has, "" when they have none in common."""
    first = texts[0].strip("+- 0123456789.,'()")
    return first if first and first in {*MONEY, "%"} and all(text.count(first) == 1 for text in texts) else ""


def hours(text: str, separator: str) -> float | None:
    """Return a time of day in hours, None when it is none."""
    match = TIME_OF_DAY.match(text)
    if not match or match[2] != separator or int(match[1]) > 24:
        return None
    return int(match[1]) + int(match[3]) / 60 + int(match[4] or 0) / 3600


def time_form(texts: Sequence[str]) -> Form | None:
    """Return the form in which all of these texts are times of day."""
    match = TIME_OF_DAY.match(texts[0])
    if match and all(hours(text, match[2]) is not None for text in texts):
        return Form(time=match[2])
    return None


def date(text: str, form: Form) -> datetime | None:
    """Return the date or time that a text in this form is, None when it is none."""
    if form.date in {ISO, ""}:
        return moment(text)
    try:
        return datetime.strptime(text, form.date)
    except ValueError:
        return None


def date_forms(texts: Sequence[str]) -> list[Form]:
    """Return the forms in which all of these texts are dates."""
    if not any(character.isdigit() for character in texts[0]):
        return []
    shape = re.sub("[A-Za-z0-9]+", "*", texts[0])
    forms = [Form(date=known) for known in DATES if re.sub("%[A-Za-z]", "*", known) == shape]
    few = texts[:: max(1, len(texts) // FEW)]
    likely = [form for form in [Form(date=ISO), *forms] if all(date(text, form) is not None for text in few)]
    return [form for form in likely if all(date(text, form) is not None for text in texts)]


def are_booleans(texts: Iterable[str]) -> bool:
    """Whether all of these texts are true or false."""
    return all(text in BOOLEANS for text in texts)
