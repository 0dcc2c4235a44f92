"""A store of any size with random codes, captions and labels, made in seconds without pictures."""

import itertools
import json
import pathlib

import numpy as np

from t2f_jax.config.schema import TextConfig
from t2f_jax.data import corpus, records, store
from t2f_jax.data.datasets import registry
from t2f_jax.data.datasets.base import SPLITS
from t2f_jax.io import files
from t2f_jax.io.arrays import create_array
from t2f_jax.tokens import captions, text_tokenizer
from t2f_jax.tokens.attributes import Attribute, Fields

SOURCE, KIND = "made", "celeba"  # the source's name, and the dataset whose labels its faces have
CODES, CODEBOOK = 256, 1024  # of an image
PIECES = 4000  # of the text tokenizer, at most
_LABELS, _CAPTIONS = 4096, 8192  # distinct ones; a face has any of both
_BLOCK = 1 << 14  # faces written at once
_FEW = 64  # faces of validation and test


def make(folder: pathlib.Path, faces: int, seed: int = 0) -> store.Store:
    """Writes and opens a store of `faces` training faces with 40 labels each, every second one with a caption."""
    rng = np.random.default_rng(seed)
    schema = registry.find(KIND).schema
    known = [_labels(schema, rng) for _ in range(_LABELS)]
    written = [captions.write_caption(known[k % _LABELS], rng) for k in range(_CAPTIONS)]
    for split in SPLITS:
        part = folder / SOURCE / split
        part.mkdir(parents=True)
        count = faces if split == "train" else _FEW
        _write_codes(part, count, rng)
        _write_records(part / "records.jsonl", count, known, written, rng)
        files.write_json(part / "meta.json", {"key": split, "count": count, "views": 1, "codes_per_image": CODES})
    sentences: list[Fields] = [{"attributes": k, "captions": [c]} for k, c in zip(known, written)]
    corpus.make_text_tokenizer(TextConfig(vocab_size=PIECES), [schema], [sentences], seed).save(folder)
    splits = {split: {"key": split, "count": faces if split == "train" else _FEW} for split in SPLITS}
    meta = {
        "format": store.FORMAT,
        "fingerprint": "made",
        "image_tokenizer": "none",
        "codes_per_image": CODES,
        "text_tokenizer": text_tokenizer.SENTENCEPIECE_FILE,
        "sources": {SOURCE: {"schema": [attribute.to_json() for attribute in schema], "splits": splits}},
    }
    files.write_json(folder / "meta.json", meta)
    return store.Store(folder)


def _labels(schema: tuple[Attribute, ...], rng: np.random.Generator) -> dict[str, str | int]:
    """Random labels; a fifth of the yes-or-no labels is "yes"."""
    return {a.name: a.values[int(rng.random() < 0.2)] for a in schema}


def _write_codes(part: pathlib.Path, count: int, rng: np.random.Generator) -> None:
    codes_Nx1xn = create_array(part / "codes.npy", np.uint16, (count, 1, CODES))
    for first in range(0, count, _BLOCK):
        block = codes_Nx1xn[first : first + _BLOCK]
        block[:] = rng.integers(0, CODEBOOK, block.shape, np.uint16)
    codes_Nx1xn.flush()


def _write_records(
    path: pathlib.Path, count: int, known: list[dict[str, str | int]], written: list[str], rng: np.random.Generator
) -> None:
    labels = [json.dumps(each) for each in known]
    own = [json.dumps([caption] * (k % 2)) for k, caption in enumerate(written)]
    with path.open("w", encoding="utf-8") as file:
        for first in range(0, count, _BLOCK):
            size = min(_BLOCK, count - first)
            chosen = rng.integers(len(labels), size=size).tolist(), rng.integers(len(own), size=size).tolist()
            for number, label, caption in zip(itertools.count(first), *chosen):
                fields = f'{{"attributes": {labels[label]}, "captions": {own[caption]}}}'
                file.write(f'{{"id": "{number:08d}", "fields": {fields}}}\n')
    records.write_index(path)
