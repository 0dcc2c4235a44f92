"""The data card of a store: counts of its contents. `report.data_card` makes the page."""

import collections
import pathlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.data.datasets.base import SPLITS
from t2f_jax.data.store import Store
from t2f_jax.io import files
from t2f_jax.report import data_card, grids, plots
from t2f_jax.report.content import Picture
from t2f_jax.report.data_card import Balance, DataCard, Example, SourceCard
from t2f_jax.tokens import templates
from t2f_jax.tokens.attributes import Attribute, Fields

_GROUPS = ("gender", "ethnicity", "young")  # faces are counted by these, besides age
_DECADE = 10


def write(store: Store, path: pathlib.Path) -> None:
    """Writes the card of a store as one HTML file. Raises UserError for a damaged store."""
    data_card.write(path, f"Data card of {store.folder.resolve().name}", describe(store))


def describe(store: Store) -> DataCard:
    """Counts everything; reads every record. Raises UserError for a damaged store."""
    meta = files.read_json(store.folder / "meta.json", "the store's description")
    sources = [_source(store, name, meta["sources"][name]) for name in store.sources]
    total = sum(source.total for source in sources)
    framing = store.framing
    run = {
        "image size": f"{meta['image_size']} pixels" if "image_size" in meta else None,
        "pictures": framing and f"crop={framing.crop}, resize={framing.resize}, filter={framing.filter}",
        "codes per image": store.codes_per_image,
        "image tokenizer": store.image_tokenizer,
        "text tokenizer": meta["text_tokenizer"],
        "fingerprint": store.fingerprint,
    }
    return DataCard(
        summary=f"{total:,} faces of {len(sources)} dataset{'s' * (len(sources) > 1)}, prepared for training.",
        sources=sources,
        skipped=_skipped(store.folder),
        copies=meta.get("copies"),
        run={key: value for key, value in run.items() if value is not None},
        details={key: meta[key] for key in ("config", "versions") if key in meta},
    )


def _skipped(folder: pathlib.Path) -> dict[str, int]:
    """{reason: number of files}, most frequent first; reasons are without details of single files."""
    path = folder / "skipped.jsonl"
    lines = path.read_bytes().splitlines() if path.is_file() else []
    why = collections.Counter(_reason(files.parse_json(line)) for line in lines)
    return dict(why.most_common())


def _reason(item: Mapping[str, str]) -> str:
    """The reason why a file was left out, without its name, numbers and advice, so that reasons can be counted."""
    text = item["why"].rpartition(f"{item['id'].rpartition('/')[2]}: ")[2].partition(";")[0]
    return re.sub(r"\d+", "N", text)


class _Tally:
    """Counts from one pass over the faces of a source."""

    def __init__(self, schema: Sequence[Attribute]):
        self.schema = {attribute.name: attribute for attribute in schema}
        self.faces = self.captioned = self.captions = self.words = 0
        self.different: set[str] = set()
        self.values = {name: collections.Counter() for name in self.schema}
        self.ages: dict[str, np.ndarray] = collections.defaultdict(lambda: np.zeros(1000))  # by gender
        self.pairs: dict[tuple[str, str], collections.Counter] = collections.defaultdict(collections.Counter)

    def add(self, fields: Iterable[Fields]) -> None:
        """Adds some faces to the counts."""
        for face in fields:
            known = face["attributes"]
            self.faces += 1
            for name, value in known.items():
                self.values[name][value] += 1
            gender = str(known.get("gender", ""))
            if "age" in known:
                numbers = self.schema["age"].numbers(known["age"])
                self.ages[gender][numbers.start : numbers.stop] += 1 / len(numbers)
                low, high = numbers.start // _DECADE, (numbers.stop - 1) // _DECADE
                if gender and low == high:
                    self.pairs["age", "gender"][low, gender] += 1
            for name in _GROUPS[1:]:
                if gender and name in known:
                    self.pairs[name, "gender"][known[name], gender] += 1
            self.captioned += bool(face["captions"])
            for caption in face["captions"]:
                words = caption.split()
                self.captions += 1
                self.words += len(words)
                self.different.update(words)


def _source(store: Store, name: str, about: Mapping[str, Any]) -> SourceCard:
    tally = _Tally(store.schema(name))
    for split in SPLITS:
        tally.add(store.fields(name, split))
    captions = {
        "faces with captions": f"{tally.captioned:,}",
        "captions": f"{tally.captions:,}",
        "words per caption": round(tally.words / max(1, tally.captions), 1),
        "different words": f"{len(tally.different):,}",
    }
    return SourceCard(
        name=name,
        title=about.get("title") or name,
        about={key: about[key] for key in ("licence", "citation") if about.get(key)} | {"source": name},
        faces=store.summary()[name],
        known={key: sum(values.values()) / tally.faces for key, values in tally.values.items()},
        captions=captions if tally.captions else {},
        plots=_plots(tally),
        balances=_balances(tally),
        examples=_examples(store, name),
        notes=about.get("notes", []),
    )


def _plots(tally: _Tally) -> list[Picture]:
    pictures = []
    if tally.ages:
        every = sum(tally.ages.values())
        top = int(np.flatnonzero(every)[-1]) + 1
        unknown = "not known" if any(tally.ages) else ""
        groups = {gender or unknown: faces[:top] for gender, faces in sorted(tally.ages.items())}
        note = "A range counts equally for each of its years." if tally.schema["age"].ranges else ""
        pictures.append(Picture(plots.histogram(np.arange(top), groups, "age in years"), "Age", note))
    choices = {n: a for n, a in tally.schema.items() if not a.is_number and tally.values[n].total()}
    for name, attribute in choices.items():
        if attribute.values != ("no", "yes"):
            count = tally.values[name]
            rows = {value: count[value] / count.total() for value in attribute.values}
            pictures.append(Picture(plots.shares(rows), name.capitalize(), "share of the faces with a known label"))
    yes = {
        name: tally.values[name]["yes"] / tally.values[name].total()
        for name in choices
        if "yes" in choices[name].values
    }
    if yes:
        rows = dict(sorted(yes.items(), key=lambda item: -item[1]))
        pictures.append(Picture(plots.shares(rows), "Attributes", "share of yes among the faces with a known label"))
    return pictures


def _balances(tally: _Tally) -> list[Balance]:
    balances = []
    for (rows_are, columns_are), count in sorted(tally.pairs.items()):
        columns = [value for value in tally.schema[columns_are].values if any(c == value for _, c in count)]
        rows = sorted({row for row, _ in count})
        if rows_are != "age":
            rows = [value for value in tally.schema[rows_are].values if value in rows]
        named = {_row_name(rows_are, row): [count[row, column] for column in columns] for row in rows}
        balances.append(Balance(rows_are, columns_are, columns, named))
    return balances


def _row_name(attribute: str, row: Any) -> str:
    return f"{row * _DECADE}–{row * _DECADE + _DECADE - 1}" if attribute == "age" else str(row)


def _examples(store: Store, name: str) -> list[Example]:
    images, rows = store.examples(name, "train")
    fields = [store.fields(name, "train")[row] for row in rows]
    examples = []
    for image, face in zip(images, fields):
        said = {key: value for key, value in face["attributes"].items() if value != "no"}
        labels = templates.attributes_text(said).replace(" , ", ", ").replace(" : ", ": ")
        examples.append(Example(grids.png(image), face["captions"][:3], labels))
    return examples
