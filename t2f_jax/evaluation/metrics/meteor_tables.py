"""METEOR's tables of English words, read from the user's meteor-1.5.jar.

The .jar is a zip file with plain-text tables: function/english.words, and synonym/english.synsets and
english.exceptions, made from WordNet. Stems are those of the Snowball stemmer.
"""

import pathlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from t2f_jax.errors import UserError
from t2f_jax.evaluation.metrics.extra import needed
from t2f_jax.io.files import no_file

LARGEST_TABLE = 1 << 26  # bytes of one table of the .jar; the largest real one has 3.7 million


class Word(NamedTuple):
    """The stem of a word, and the sets of synonyms that it or its base forms belong to."""

    stem: str
    synonyms: frozenset[str]


class Tables:
    """Function words, stems and synonyms."""

    def __init__(self, jar: pathlib.Path):
        """Reads the tables of a .jar.

        Raises:
          UserError: no such file, or not METEOR 1.5's.
          MissingPackage: the package nltk is missing.
        """
        with needed("nltk"):
            from nltk.stem.snowball import SnowballStemmer
        self._stem = SnowballStemmer("english").stem
        function, synsets, exceptions = _read_jar(jar)
        self.function_words = frozenset(function)
        self._synsets = {word: ids.split() for word, ids in _pairs(synsets)}
        self._bases: dict[str, list[str]] = {}
        for base, forms in _pairs(exceptions):
            for form in forms.split():
                self._bases.setdefault(form, []).append(base)
        self._words: dict[str, Word] = {}

    def of_word(self, word: str) -> Word:
        """The entry of a lower-case word."""
        if word not in self._words:
            bases = [word, *self._bases.get(word, ()), *_plain_bases(word)]
            synonyms = frozenset(number for base in bases for number in self._synsets.get(base, ()))
            self._words[word] = Word(self._stem(word), synonyms)
        return self._words[word]


def _plain_bases(word: str) -> Iterator[str]:
    """Possible base forms of a regular form, by WordNet's rules of detachment: "hats" -> "hat"."""
    endings = (
        *(("s", ""), ("ses", "s"), ("xes", "x"), ("zes", "z"), ("ches", "ch"), ("shes", "sh"), ("men", "man")),
        *(("ies", "y"), ("es", "e"), ("es", ""), ("ed", "e"), ("ed", ""), ("ing", "e"), ("ing", "")),
        *(("er", ""), ("est", ""), ("er", "e"), ("est", "e")),
    )
    for ending, other in endings:
        if word.endswith(ending) and len(word) > len(ending) + 1:  # "her" is not a form of "he"
            yield word.removesuffix(ending) + other


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    """(word, its entry) of each two lines."""
    return zip(lines[::2], lines[1::2])


def _read_jar(path: pathlib.Path) -> tuple[list[str], list[str], list[str]]:
    """The lines of the three tables."""
    if wrong := no_file(path):
        raise UserError(f"{path}: {wrong}; give METEOR's meteor-1.5.jar")
    names = ("function/english.words", "synonym/english.synsets", "synonym/english.exceptions")
    try:
        with zipfile.ZipFile(path) as archive:
            for name in names:
                if archive.getinfo(name).file_size > LARGEST_TABLE:
                    raise ValueError(f"{name} is larger than any table of METEOR")
            function, synsets, exceptions = (archive.read(name).decode("utf-8").splitlines() for name in names)
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise UserError(f"{path}: no tables of METEOR 1.5 in it ({error}); give its meteor-1.5.jar") from error
    return function, synsets, exceptions
