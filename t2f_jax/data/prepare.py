"""Images become codes and sentences a text tokenizer, once, before training: writes what `store.Store` reads.

B images of a batch, S image side, n codes an image.
"""

import contextlib
import hashlib
import json
import os
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from t2f_jax.config.schema import Config, DataConfig, TextConfig
from t2f_jax.data import augment, store
from t2f_jax.data.corpus import SENTENCES, make_text_tokenizer
from t2f_jax.data.datasets import base, registry
from t2f_jax.data.pixels import ImageSet, check_splits, read_images
from t2f_jax.errors import UserError
from t2f_jax.io import files, progress
from t2f_jax.io.arrays import create_array
from t2f_jax.tokens import text_tokenizer

BATCH = 64  # images encoded at once
_TEXT_FILES = ("text_tokenizer.model", "vocab.txt")


def run(
    config: Config,
    encode: Callable[[np.ndarray], np.ndarray],
    tokenizer_fingerprint: str,
    cache_dir: pathlib.Path,
    out: pathlib.Path,
    words: text_tokenizer.TextTokenizer | None = None,
) -> pathlib.Path:
    """Makes the store `out`; parts that an earlier, interrupted call finished under the same settings are kept.

    Args:
      config: its `data` and `text` are used; sources of weight 0 are left out.
      encode: uint8 [B, S, S, 3] -> codes, integers [B, n] in 0..65535.
      tokenizer_fingerprint: of the image tokenizer behind `encode`.
      cache_dir: where the pixels are kept, see `pixels.read_images`.
      out: the store's folder, which is returned.
      words: a text tokenizer to take as it is, instead of the one that `config.text` asks for.

    Raises:
      UserError: data that is missing or broken, no source, no WordPiece vocabulary where one is asked for.
    """
    opened = registry.open_sources(config)
    parts: dict[tuple[str, str], tuple[ImageSet, str]] = {}
    for name, source in opened.items():
        for split in base.SPLITS:
            pixels = read_images(source, split, config.data, cache_dir)
            parts[name, split] = pixels, _part_key(pixels, config.data, tokenizer_fingerprint)
    fingerprint = _digest(
        [store.FORMAT, [(*k, key) for k, (_, key) in parts.items()], _text_identity(config.text, words), SENTENCES]
    )
    if _is_made(out, fingerprint):
        return out
    (out / "meta.json").unlink(missing_ok=True)  # the store is not whole until the end of this function

    n = 0
    for (name, split), (pixels, key) in parts.items():
        n = _encode_part(out / name / split, pixels, key, encode, config.data)
    schemas = [source.schema for source in opened.values()]
    faces = [parts[name, "train"][0].fields for name in opened]
    phrases = [source.dataset.caption_phrases() for source in opened.values()]
    tokenizer = words or make_text_tokenizer(config.text, schemas, faces, config.data.seed, phrases)
    for file in _TEXT_FILES:
        (out / file).unlink(missing_ok=True)
    tokenizer.save(out)
    meta = {
        "format": store.FORMAT,
        "fingerprint": fingerprint,
        "image_tokenizer": tokenizer_fingerprint,
        "image_size": config.data.image_size,
        "codes_per_image": n,
        "text_tokenizer": next(file for file in _TEXT_FILES if (out / file).is_file()),
        "sources": {name: _describe(source, parts) for name, source in opened.items()},
    }
    files.write_json(out / "meta.json", meta)
    return out


def _describe(source: base.Source, parts: Mapping[tuple[str, str], tuple[ImageSet, str]]) -> dict[str, Any]:
    """A source as the store's meta.json has it: its schema; of each split the number of faces and the key."""
    splits = {}
    for split in base.SPLITS:
        pixels, key = parts[source.name, split]
        splits[split] = {"count": len(pixels), "key": key}
    return {"schema": [attribute.to_json() for attribute in source.schema], "splits": splits}


def _is_made(out: pathlib.Path, fingerprint: str) -> bool:
    """Whether the store is there, whole and of these settings; says so if it was cut or damaged since it was made."""
    if not (out / "meta.json").is_file():
        return False
    try:
        if store.Store(out).fingerprint != fingerprint:
            return False
        text_tokenizer.load(out)
    except UserError as error:
        progress.say(f"{error}; its damaged parts are made again")
        return False
    return True


def check(config: Config) -> None:
    """Finds out before any work what would stop `run` at its end: an empty split, or no usable vocabulary.

    Raises:
      UserError: what `run` would raise, of what can be known without reading an image.
    """
    for source in registry.open_sources(config).values():
        check_splits(source)
    _text_identity(config.text, None)
    if config.text.kind == "wordpiece":
        text_tokenizer.WordPiece.load(pathlib.Path(os.path.expanduser(config.text.vocab_file)))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _views(pixels: ImageSet, data: DataConfig) -> int:
    return max(1, data.views) if pixels.split == "train" else 1


def _part_key(pixels: ImageSet, data: DataConfig, tokenizer_fingerprint: str) -> str:
    views = _views(pixels, data)
    augmentation = [data.flip, data.jitter, data.seed] if views > 1 else []
    return _digest([pixels.key, tokenizer_fingerprint, views, augmentation])


def _text_identity(text: TextConfig, words: text_tokenizer.TextTokenizer | None) -> list[Any]:
    if words is not None:
        with tempfile.TemporaryDirectory() as folder:
            words.save(pathlib.Path(folder))
            return [hashlib.sha256(file.read_bytes()).hexdigest() for file in pathlib.Path(folder).iterdir()]
    if text.kind == "sentencepiece":
        return [text.kind, text.vocab_size, text.phrases]
    if not text.vocab_file:
        raise UserError("text.kind=wordpiece needs text.vocab_file, the vocabulary's file (a piece a line)")
    path = pathlib.Path(os.path.expanduser(text.vocab_file))
    if wrong := files.no_file(path):
        raise UserError(f"{path}: {wrong}; text.vocab_file should name a WordPiece vocabulary (a piece a line)")
    return [text.kind, hashlib.sha256(path.read_bytes()).hexdigest()]


def _encode_part(
    folder: pathlib.Path,
    pixels: ImageSet,
    key: str,
    encode: Callable[[np.ndarray], np.ndarray],
    data: DataConfig,
) -> int:
    """Writes a source's split, unless it is there; returns the number of codes of an image."""
    views, total = _views(pixels, data), len(pixels)
    if (folder / "meta.json").is_file():
        with contextlib.suppress(UserError):  # of other settings, or damaged
            return store.Part(folder, key, total).codes_NxVxn.shape[2]
    codes_NxVxn: np.ndarray | None = None
    with (
        files.whole_folder(folder) as partial,
        progress.Progress(f"encoding {pixels.name} {pixels.split}", total * views, unit="image") as bar,
    ):
        for first, v, batch in _view_batches(pixels, views, data):
            codes_Bxn = np.asarray(encode(batch))
            if codes_Bxn.min() < 0 or codes_Bxn.max() > np.iinfo(np.uint16).max:
                raise ValueError(f"codes must fit 16 bits, got {codes_Bxn.min()}..{codes_Bxn.max()}")
            if codes_NxVxn is None:
                codes_NxVxn = create_array(partial / "codes.npy", np.uint16, (total, views, codes_Bxn.shape[1]))
            count = min(BATCH, total - first)  # the last batch is filled up, so that `encode` compiles for one shape
            codes_NxVxn[first : first + count, v] = codes_Bxn[:count]
            bar.advance(count)
        assert codes_NxVxn is not None
        codes_NxVxn.flush()
        n = codes_NxVxn.shape[2]
        with (partial / "records.jsonl").open("w", encoding="utf-8", errors="backslashreplace") as file:
            for name, fields in zip(pixels.ids, pixels.fields):
                file.write(files.json_line({"id": name, "fields": fields}))
        files.write_json(partial / "meta.json", {"key": key, "count": total, "views": views, "codes_per_image": n})
    return n


def _view_batches(pixels: ImageSet, views: int, data: DataConfig) -> Iterator[tuple[int, int, np.ndarray]]:
    """-> (number of the first face, view, uint8 [BATCH, S, S, 3]); the last batch repeats its last face."""
    for first in range(0, len(pixels), BATCH):
        rows = [min(i, len(pixels) - 1) for i in range(first, first + BATCH)]
        for v in range(views):
            yield (
                first,
                v,
                np.stack([augment.view(pixels.images[i], data.seed, i, v, data.flip, data.jitter) for i in rows]),
            )
