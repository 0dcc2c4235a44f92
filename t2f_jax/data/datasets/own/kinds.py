"""The kind of a column's values: yes or no, numbers, a few words, or not an attribute."""

import collections
import dataclasses
import math
import re
from collections.abc import Callable
from typing import Any

from t2f_jax.data import names
from t2f_jax.errors import UserError
from t2f_jax.tokens import ranges
from t2f_jax.tokens.attributes import Attribute, squeeze

AGE = Attribute("age", (), 0, 120)
MOST_VALUES = 64  # of a column of words; with more it is text
FEW = 8  # number of values that is allowed however few rows there are
MOST_DIFFERENT = 2000  # values of a column that are counted
CLEAR = 0.9  # share of a column's values that decides its kind; the others are mistakes

_UNKNOWN = {"", "na", "n/a", "nan", "null", "unknown", "?"}
# What people and programs write for a missing caption; see `says_nothing`.
_NO_CAPTION = _UNKNOWN | {"none", "nil", "n.a.", "<na>", "#n/a", "#na", "-nan", "missing", "no caption"}
_TRUTH = {**dict.fromkeys(("yes", "true", "1"), "yes"), **dict.fromkeys(("no", "false", "0", "-1"), "no")}
_GENDERS = {"man": "male", "boy": "male", "woman": "female", "girl": "female"}


def text_of(value: Any) -> str | None:
    """A cell as text: lower case, single spaces; None if it is unknown.

    Raises:
      UserError: a list or an object, or bytes that are not UTF-8.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float)):
        raise UserError(f"a {type(value).__name__}; a word or a number should stand here")
    text = squeeze(str(value).replace("_", " "))
    if re.fullmatch(r"-?\d+\.0+", text):
        text = text.partition(".")[0]  # as pandas writes whole numbers of a column with missing values
    check_text(text)
    return None if text in _UNKNOWN else text


def says_nothing(caption: str) -> bool:
    """Whether a caption means a missing one: "NA", "null", or text without letters and digits, such as "-"."""
    return squeeze(caption) in _NO_CAPTION or not any(character.isalnum() for character in caption)


def check_text(text: str) -> None:
    """Raises UserError for a text with bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError("it is no UTF-8; save the table as 'CSV UTF-8'") from None


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a column is read.

    Attributes:
      attribute: its attribute; None if it is none.
      label: text of a cell -> the value; raises UserError, saying what would be right.
      why: the reason why it is no attribute.
    """

    attribute: Attribute | None
    label: Callable[[str], Any] = str
    why: str = ""


def of_column(name: str, counts: "collections.Counter[str]", rows: int) -> Kind:
    """The kind of a column, by its name and the counts of its texts.

    Args:
      counts: of the known cells; at most MOST_DIFFERENT texts.
      rows: number of rows.
    """
    if not counts:
        return Kind(None, why="it is empty")
    if name == "age":
        return _age(counts)
    if name == "gender":
        return _gender(counts)
    truth = _share(counts, _TRUTH.__contains__)
    if truth >= CLEAR or names.schema([name], ()):
        ternary = {"-1", "0", "1"} <= counts.keys()  # MAAD-Face's code: 0 is unknown
        return Kind(Attribute(name, ("no", "yes")), lambda text: None if ternary and text == "0" else _yes_or_no(text))
    if _share(counts, str.isdecimal) >= CLEAR:
        return _whole_number(name, counts)
    if _share(counts, lambda text: bool(re.fullmatch(r"-?\d+(\.\d+)?(e-?\d+)?", text))) >= CLEAR:
        return Kind(None, why="numbers that are not whole ones from 0 to 999")
    return _words(name, counts, rows)


def _share(counts: "collections.Counter[str]", holds: Callable[[str], bool]) -> float:
    total = sum(counts.values())
    return sum(count for text, count in counts.items() if holds(text)) / total if total else 0.0


def _age(counts: "collections.Counter[str]") -> Kind:
    """The kind of whole years or ranges of them ("20-29", "70+"), which stay ranges."""
    found = {text for given in counts if isinstance(text := ranges.parse(given), str) and len(AGE.numbers(text)) > 1}
    in_order = sorted(found, key=lambda text: (ranges.numbers(text).start, ranges.numbers(text).stop))
    attribute = dataclasses.replace(AGE, ranges=tuple(in_order))

    def label(text: str) -> str | int:
        given = ranges.parse(text)
        if given in found:
            return str(given)
        if isinstance(given, str) or not text.isdecimal():
            raise UserError(f"'{text}' should be {AGE.allowed()}, or a range such as 20-29 or 70+")
        return _number(AGE, text)

    return Kind(attribute, label)


def _gender(counts: "collections.Counter[str]") -> Kind:
    others = sorted(text for text in counts if not _as_gender(text) and re.fullmatch(r"[a-z][a-z -]*", text))
    attribute = Attribute("gender", (*names.GENDER.values, *others))

    def label(text: str) -> str:
        value = _as_gender(text) or (text if text in others else "")
        if not value:
            raise UserError(f"'{text}' should be male or female; sets differ in which number is which")
        return value

    return Kind(attribute, label)


def _as_gender(text: str) -> str | None:
    return names.gender(text) or _GENDERS.get(text)


def _yes_or_no(text: str) -> str:
    if text not in _TRUTH:
        raise UserError(f"'{text}' should be yes or no")
    return _TRUTH[text]


def _number(attribute: Attribute, text: str) -> int:
    if not text.isdecimal() or not attribute.low <= int(text) <= attribute.high:
        raise UserError(f"'{text}' should be {attribute.allowed()}")
    return int(text)


def _whole_number(name: str, counts: "collections.Counter[str]") -> Kind:
    found = [int(text) for text in counts if text.isdecimal()]
    if max(found) > 999:
        return Kind(None, why="numbers above 999")
    if min(found) == max(found):
        return Kind(None, why=f"always {found[0]}")
    attribute = Attribute(name, (), min(found), max(found))
    return Kind(attribute, lambda text: _number(attribute, text))


def _words(name: str, counts: "collections.Counter[str]", rows: int) -> Kind:
    if len(counts) == 1:
        blanks = "; a blank is unknown: write yes where it is so, and no where it is not"
        return Kind(None, why=f"always '{next(iter(counts))}'{blanks * (counts.total() < rows)}")
    if len(counts) > min(MOST_VALUES, max(FEW, rows // 2)):
        many = f"more than {MOST_VALUES}" if len(counts) >= MOST_DIFFERENT else str(len(counts))
        return Kind(None, why=f"{many} different texts, too many to choose from")
    odd = next((text for text in counts if re.search("[,:=]", text) or len(text.split()) > 4), "")
    if odd:
        return Kind(None, why=f"'{odd[:40]}' is no short answer without , : and =")
    return Kind(Attribute(name, tuple(sorted(counts))))
