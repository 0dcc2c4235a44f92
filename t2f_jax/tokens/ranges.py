"""Labels that are ranges of numbers, such as the ages of a dataset that gives bins: "20-29", or "70+" from 70 on.

A range is its own label, beside those of whole numbers. It is never replaced by one of its numbers.
"""

import re

LARGEST = 999  # of the numbers that a label may be
_RANGE = re.compile(r"(\d{1,3}) ?(?:[-–] ?(\d{1,3})|\+)")


def write(low: int, high: int | None = None) -> str | int:
    """The label of the range low..high, or of `low` and more: 20, 29 -> "20-29"; 70 -> "70+"; 5, 5 -> 5.

    Raises:
      ValueError: not 0 <= low <= high <= LARGEST.
    """
    if not 0 <= low <= (LARGEST if high is None else high) <= LARGEST:
        raise ValueError(f"a range of numbers from {low} to {high} should lie within 0..{LARGEST}")
    return f"{low}+" if high is None else low if low == high else f"{low}-{high}"


def parse(text: str) -> str | int | None:
    """ "20 - 29" -> "20-29", "70 +" -> "70+"; None if the text is no range."""
    match = _RANGE.fullmatch(text)
    if not match or (match[2] and int(match[2]) < int(match[1])):
        return None
    return write(int(match[1]), int(match[2]) if match[2] else None)


def numbers(value: str | int) -> range:
    """The numbers that a label allows: 34 -> range(34, 35), "20-29" -> range(20, 30), "70+" -> up to LARGEST.

    Raises:
      ValueError: neither a whole number nor a range.
    """
    match = _RANGE.fullmatch(str(value))
    if not match:
        return range(int(value), int(value) + 1)
    return range(int(match[1]), int(match[2] or LARGEST) + 1)


def distance(value: str | int, number: int) -> int:
    """The distance of a number from a label: 0 inside a range."""
    inside = numbers(value)
    return max(inside.start - number, number - inside[-1], 0)
