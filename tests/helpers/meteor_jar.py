"""A .jar file in the layout of METEOR 1.5's, with the few words of its tables that the tests' captions need."""

import zipfile

FUNCTION = (
    *("the", "of", "to", "and", "a", "in", "that", "for", "is", "with", "was", "he", "be", "his", "it", "an", "this"),
    *("not", "i", "they", "their", "she", "her", "has", "who", "at", "on", "'s", "'t", "about", "years", "no"),
    *("s", "'", "up", "-lrb-", "-rrb-"),
)
SYNONYMS = {  # word: sets of synonyms
    "gray": "1 2",
    "grey": "1",
    "old": "3 4",
    "aged": "12",
    "year": "12",
    "have": "13",
    "make": "13 14",
    "spectacles": "5",
    "glasses": "5",
    "man": "6",
    "hat": "7",
    "chapeau": "7",
    "lady": "8",
    "he": "9",
    "smile": "10",
    "wear": "11",
}
EXCEPTIONS = {"have": "had has", "man": "men", "child": "children"}


def make(path, function=FUNCTION, synonyms=SYNONYMS, exceptions=EXCEPTIONS):
    """Writes the file and returns its path."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("function/english.words", "\n".join(function))
        for name, table in (("synsets", synonyms), ("exceptions", exceptions)):
            archive.writestr(f"synonym/english.{name}", "".join(f"{a}\n{b}\n" for a, b in table.items()))
    return path
