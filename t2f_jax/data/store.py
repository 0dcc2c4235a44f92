"""A prepared dataset, read by position: codes of every face and view, its fields, and the text tokenizer's file.

STORE/meta.json                      its contents; written last, so a store that has it is complete
STORE/text_tokenizer.model           (or vocab.txt)
STORE/skipped.jsonl                  one line per left-out file: {"source", "split", "id", "why"}
STORE/copies.jsonl                   one line per picture with copies, see `copies.find`
STORE/<source>/<split>/codes.npy     uint16 [N, views, n]: n codes per image, row by row; view 0 is the plain one
STORE/<source>/<split>/records.jsonl one line per face: {"id", "fields"}; records.npy: the starts of the lines
STORE/<source>/<split>/hashes.npy    uint64 [N, 4]: perceptual hashes of the pictures, see `duplicates`
STORE/<source>/<split>/examples.npy  uint8 [E, S, S, 3]: a few pictures; meta.json has the numbers of their faces
STORE/<source>/<split>/skipped.jsonl one line per file that could not be read
STORE/<source>/<split>/meta.json     the key of the settings that it was encoded with
"""

import collections
import dataclasses
import hashlib
import pathlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from t2f_jax.data.datasets.base import SPLITS
from t2f_jax.data.records import RecordFields, Records
from t2f_jax.errors import UserError
from t2f_jax.io.arrays import open_array
from t2f_jax.io.files import read_json
from t2f_jax.io.framing import Framing
from t2f_jax.io.read_ahead import read_ahead
from t2f_jax.tokens.attributes import Attribute, Fields

FORMAT = 1
_META = {"fingerprint": str, "image_tokenizer": str, "codes_per_image": int, "text_tokenizer": str, "sources": dict}


class Part:
    """One split of one source: its codes, uint16 [N, views, n], and its records.

    Args:
      key: of the settings that it should be encoded with.
      count: N.
      codes_per_image: n; None: any.

    Raises:
      UserError: a file is missing, broken or cut short, or the part has another key or size.
    """

    def __init__(self, folder: pathlib.Path, key: str, count: int, codes_per_image: int | None = None):
        for file in ("codes.npy", "records.jsonl", "meta.json"):
            if not (folder / file).is_file():
                raise UserError(f"{folder / file}: this part of the store is missing; run `t2f prepare` again")
        meta = read_json(folder / "meta.json", "the part's description")
        if not isinstance(meta, dict) or meta.get("key") != key:
            raise UserError(f"{folder}: encoded under other settings than the store's; run `t2f prepare` again")
        try:
            self.codes_NxVxn = open_array(folder / "codes.npy", np.uint16, 3)
        except UserError as error:
            raise UserError(f"{folder}/codes.npy: broken ({error}); delete it and run `t2f prepare` again") from error
        self.records = Records(folder / "records.jsonl")
        faces, _, n = self.codes_NxVxn.shape
        if not len(self.records) == faces == count or n != (codes_per_image or meta.get("codes_per_image")):
            raise UserError(
                f"{folder}: {faces} faces of {n} codes and {len(self.records)} records instead of {count} of"
                f" {codes_per_image or meta.get('codes_per_image')}; delete the folder and run `t2f prepare` again"
            )


def _framing(config: Mapping[str, Any]) -> Framing | None:
    """The framing in a store's meta.json."""
    known = {key: config[key] for key in ("crop", "resize", "filter") if key in config}
    return Framing(**known) if known else None


class Store:
    """An opened store.

    Attributes:
      folder: its folder (which also has the text tokenizer's file).
      sources: names, in the config's order.
      fingerprint: of the whole store: sources, settings, image and text tokenizer.
      image_tokenizer: fingerprint of the image tokenizer that made the codes.
      codes_per_image: n.
      framing: how each picture was cropped and resized before it was encoded; None in stores of older versions.

    Args:
      image_tokenizer: the fingerprint of the image tokenizer that must have made the codes; None: any.

    Raises:
      UserError: a file is missing or broken, or the codes are from another image tokenizer.
    """

    def __init__(self, folder: pathlib.Path, image_tokenizer: str | None = None):
        self.folder = folder = pathlib.Path(folder)
        if not folder.is_dir():
            raise UserError(f"{folder}: no such store; `t2f prepare` makes one")
        if not (folder / "meta.json").is_file():
            raise UserError(f"{folder}: meta.json is missing, so this store is not finished; run `t2f prepare` again")
        meta = read_json(folder / "meta.json", "the store's description")
        if not isinstance(meta, dict) or meta.get("format") != FORMAT:
            raise UserError(f"{folder}/meta.json: not a store of format {FORMAT}; run `t2f prepare` again")
        try:
            for key, kind in _META.items():
                if type(meta[key]) is not kind:
                    raise TypeError(f"'{key}'")
            self.fingerprint: str = meta["fingerprint"]
            self.image_tokenizer: str = meta["image_tokenizer"]
            self.codes_per_image: int = meta["codes_per_image"]
            self.framing = _framing(meta.get("config", {}))
            self._sources: dict[str, Any] = meta["sources"]
            self._schemas = {
                name: tuple(Attribute.from_json(a) for a in source["schema"]) for name, source in self._sources.items()
            }
            text_file = folder / meta["text_tokenizer"]
            parts = [
                (name, split, source["splits"][split]["key"], source["splits"][split]["count"])
                for name, source in self._sources.items()
                for split in SPLITS
            ]
            has_text = text_file.is_file()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UserError(f"{folder}/meta.json: {error} is missing or broken; run `t2f prepare` again") from error
        if not has_text:
            raise UserError(f"{text_file}: the text tokenizer is missing; run `t2f prepare` again")
        if meta.get("text_hash", text_hash := hashlib.sha256(text_file.read_bytes()).hexdigest()) != text_hash:
            raise UserError(
                f"{text_file}: not the text tokenizer that this store was made with; run `t2f prepare` again"
            )
        if image_tokenizer is not None and image_tokenizer != self.image_tokenizer:
            raise UserError(
                f"{folder}: its codes come from image tokenizer {self.image_tokenizer[:12]}, not from the given"
                f" {image_tokenizer[:12]}; give that tokenizer, or run `t2f prepare` with this one"
            )
        self._codes: dict[tuple[str, str], np.ndarray] = {}
        self._records: dict[tuple[str, str], Records] = {}
        for name, split, key, count in parts:
            part = Part(folder / name / split, key, count, self.codes_per_image)
            self._codes[name, split], self._records[name, split] = part.codes_NxVxn, part.records

    def __reduce__(self) -> tuple:
        """Pickles by its folder: another process opens it again."""
        return type(self), (self.folder,)

    @property
    def sources(self) -> list[str]:
        """Names of the sources."""
        return list(self._sources)

    def check_framing(self, framing: Framing) -> None:
        """Raises UserError, naming the keys, unless the faces were cropped and resized as `framing` says."""
        for key, value in dataclasses.asdict(self.framing or framing).items():
            if value != getattr(framing, key):
                raise UserError(
                    f"{self.folder}: its faces were encoded with data.{key}={value}, not {getattr(framing, key)}; give"
                    f" data.{key}={value}, or run `t2f prepare` for another store"
                )

    def schema(self, source: str) -> tuple[Attribute, ...]:
        """The attributes of a source's faces."""
        return self._schemas[source]

    def codes(self, source: str, split: str) -> np.ndarray:
        """uint16 [N, views, n], a read-only memory map; view 0 is the plain image."""
        return self._codes[source, split]

    def read_ahead(self, split: str) -> threading.Thread | None:
        """Has the system read the split's files into its cache, so that random reads of faces do not wait.

        Returns:
          The thread that reads them; None if they would take too much of the memory.
        """
        folders = [self.folder / name / split for name in self.sources]
        return read_ahead([folder / file for folder in folders for file in ("codes.npy", "records.jsonl")])

    def fields(self, source: str, split: str) -> Sequence[Fields]:
        """Labels and captions of each of the N faces; each is parsed when it is accessed."""
        return RecordFields(self._records[source, split])

    def summary(self) -> dict[str, dict[str, int]]:
        """{source: {split: number of faces}}."""
        return {name: {k: p["count"] for k, p in s["splits"].items()} for name, s in self._sources.items()}

    def examples(self, source: str, split: str) -> tuple[np.ndarray, list[int]]:
        """Pixels of a few faces, uint8 [E, S, S, 3], and their numbers; none in stores of older versions.

        Raises:
          UserError: they are damaged.
        """
        folder = self.folder / source / split
        if not (folder / "examples.npy").is_file():
            return np.zeros((0, 1, 1, 3), np.uint8), []
        rows = read_json(folder / "meta.json", "the part's description").get("examples", [])
        try:
            return np.load(folder / "examples.npy", allow_pickle=False)[: len(rows)], rows
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"{folder / 'examples.npy'}: broken ({error}); run `t2f prepare` again") from error

    def baselines(self) -> dict[str, dict[str, dict[str, int]]]:
        """{source: {attribute: {value: number of training faces}}}.

        The majority and the mean of these counts are the answers without the image. Raises UserError for a label that
        is not in the schema.
        """
        counts: dict[str, dict[str, collections.Counter]] = {}
        for name in self.sources:
            tally = counts[name] = {a.name: collections.Counter() for a in self.schema(name)}
            for fields in self.fields(name, "train"):
                for attribute, value in fields["attributes"].items():
                    if attribute not in tally:
                        raise UserError(
                            f"{self.folder}: a face of {name} has '{attribute}', which its meta.json does not know;"
                            " run `t2f prepare` again"
                        )
                    tally[attribute][str(value)] += 1
        return {n: {a: dict(sorted(c.items())) for a, c in tally.items()} for n, tally in counts.items()}
