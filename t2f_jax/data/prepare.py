"""Encodes images as codes and trains a text tokenizer, once, before training: writes what `store.Store` reads.

Several processes may share the work. Until it is done its shards are in OUT/.shards, see `shards`: after a kill the
next call continues from them, with the same store byte for byte. The first process joins them.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import PIL

from t2f_jax import __version__
from t2f_jax.config.schema import Config, DataConfig, Role, TextConfig
from t2f_jax.config.typed import to_dict
from t2f_jax.data import copies, opt_out, records, shards, store
from t2f_jax.data.corpus import SENTENCES, make_text_tokenizer
from t2f_jax.data.datasets import base, registry
from t2f_jax.data.joining import Shards
from t2f_jax.data.pixels import cached, check_splits, pixels_key
from t2f_jax.errors import UserError
from t2f_jax.io import files, progress
from t2f_jax.tokens import text_tokenizer

BATCH = 64  # images encoded at once
SHARDS = ".shards"  # in the store's folder until it is complete
SKIPPED, COPIES = "skipped.jsonl", "copies.jsonl"  # in the store's folder: files that were left out, and duplicates
_TEXT_FILES = ("text_tokenizer.model", "vocab.txt")


def run(
    config: Config,
    encode: shards.Encode,
    tokenizer_fingerprint: str,
    cache_dir: pathlib.Path,
    out: pathlib.Path,
    words: text_tokenizer.TextTokenizer | None = None,
    job: shards.Job | None = None,
    batch: int = BATCH,
) -> pathlib.Path:
    """Makes the store `out`; parts that an earlier, interrupted call finished with the same settings are kept.

    Args:
      config: its `data` and `text` are used; sources of weight 0 are left out.
      encode: uint8 [batch, S, S, 3] -> codes, integers [batch, n] in 0..65535.
      tokenizer_fingerprint: of the image tokenizer behind `encode`.
      cache_dir: the folder to which `pixels.read_images` may have written pixels.
      out: the store's folder, which is returned.
      words: a text tokenizer to use unchanged, instead of that of `config.text`.
      job: the processes that share the work; each calls this, with the same arguments.

    Raises:
      UserError: data that is missing or broken, no source, or a required WordPiece vocabulary is missing.
    """
    job, opened = job or shards.Job(), registry.open_sources(config)
    works = [
        _work(source, split, config.data, tokenizer_fingerprint, batch)
        for source in opened.values()
        for split in base.SPLITS
    ]
    works = _with_each_other(works, config.data)
    keys = [(work.source.name, work.split, work.key) for work in works]
    fingerprint = _digest([store.FORMAT, keys, _text_identity(config.text, words), SENTENCES])
    made, todo = _plan(works, fingerprint, out, job)
    if job.process == 0 and not made:
        (out / "meta.json").unlink(missing_ok=True)  # the store is incomplete until the end of this function
    _encode(todo, encode, cache_dir, out, job)
    if job.process == 0 and not made:
        for source in opened.values():
            for note in base.notes(source):
                progress.say(f"{source.name}: {note}")
        _fetch(todo, out, job)
        twice = _join(works, todo, out, config.data)
        _write_text(config, opened, out, words)
        about = {"format": store.FORMAT, "fingerprint": fingerprint, "image_tokenizer": tokenizer_fingerprint}
        files.write_json(out / "meta.json", {**about, **_describe(config, opened, out), "copies": twice})
    job.wait("store prepared")
    _clean(out)
    return out


def _work(source: base.Source, split: base.Split, data: DataConfig, tokenizer: str, batch: int) -> shards.Work:
    check_splits(source)
    pixels, views = pixels_key(source, split, data), max(1, data.views) if split == "train" else 1
    augmentation = [data.flip, data.jitter, data.seed] if views > 1 else []
    key = _digest([pixels, tokenizer, views, augmentation])
    return shards.Work(source, split, data, key, pixels, views, batch)


def _with_each_other(works: Sequence[shards.Work], data: DataConfig) -> list[shards.Work]:
    """Makes each part's key depend on all parts if copies are left out."""
    if data.copies == "report":
        return list(works)
    together = [data.copies, *(work.key for work in works)]
    return [dataclasses.replace(work, key=_digest([work.key, together])) for work in works]


def _plan(
    works: Sequence[shards.Work], fingerprint: str, out: pathlib.Path, job: shards.Job
) -> tuple[bool, list[shards.Work]]:
    """-> (whether the store is finished, the parts to encode), by the state of the first process's folder."""
    name, made, todo = f"{SHARDS}/todo.json", False, [work.name for work in works]
    if job.process == 0:
        made = _is_made(out, fingerprint)
        todo = [] if made else [work.name for work in works if not _is_kept(out, work)]
        if job.processes > 1:
            files.write_json(out / name, [made, todo])
            job.send(name)
    job.wait("what is to be prepared is known")
    if job.process > 0:
        job.fetch(name)
        made, todo = files.read_json(out / name, "what is to be prepared")
    return made, [work for work in works if work.name in todo]


def _is_kept(out: pathlib.Path, work: shards.Work) -> bool:
    """Whether the part exists, complete and with these settings, and none of its shards remain to be joined.

    A part with left-out copies is never kept: finding copies needs all faces of all parts.
    """
    folder = out / work.name
    if work.data.copies != "report" or not (folder / "meta.json").is_file() or (out / SHARDS / work.name).is_dir():
        return False
    with contextlib.suppress(UserError):  # other settings, or damaged
        count = files.read_json(folder / "meta.json", "the part's description").get("count")
        return len(store.Part(folder, work.key, count).records) == len(Shards(work, (folder,)).hashes())
    return False


def _encode(
    works: Sequence[shards.Work], encode: shards.Encode, cache_dir: pathlib.Path, out: pathlib.Path, job: shards.Job
) -> None:
    """Writes this process's shards; all shards are distributed to the processes in turn."""
    dealt = 0
    for work in works:
        every = range(len(work.shards()))
        own = [number for number in every if (dealt + number) % job.processes == job.process]
        dealt += len(every)
        folder = f"{SHARDS}/{work.name}"
        for number in own:
            if not shards.is_whole(out / folder / shards.shard_name(number), work):
                job.fetch(f"{folder}/{shards.shard_name(number)}")  # sent before this machine failed
        pixels = cached(work.source, work.split, work.data, cache_dir, work.pixels)
        for number in shards.encode(work, out / folder, own, encode, pixels):
            job.send(f"{folder}/{shards.shard_name(number)}")
    job.wait("images encoded")


def _fetch(works: Sequence[shards.Work], out: pathlib.Path, job: shards.Job) -> None:
    """Fetches the shards of other processes. Raises UserError if one is missing."""
    for work in works:
        for number in range(len(work.shards())):
            name = f"{SHARDS}/{work.name}/{shards.shard_name(number)}"
            if not shards.is_whole(out / name, work):
                job.fetch(name)
            if not shards.is_whole(out / name, work):
                raise UserError(
                    f"{out / name}: another process made this shard, and it is not here; give --out a folder that all"
                    " processes share, or an address (gs://...)"
                )


def _join(
    works: Sequence[shards.Work], todo: Sequence[shards.Work], out: pathlib.Path, data: DataConfig
) -> dict[str, Any]:
    """Writes the parts and the lists of left-out files; returns counts of the copies that were found."""
    parts = [Shards.at(out / SHARDS / w.name, w) if w in todo else Shards(w, (out / w.name,)) for w in works]
    groups, gone = copies.find(parts, data.copies)
    shards.write_lines(out / COPIES, groups)
    skipped: list[dict[str, str]] = []
    for work, part, left_out in zip(works, parts, gone):
        if work in todo:
            part.join(out / work.name, work.key, left_out)
        broken = [*(work.source.skipped if work.split == "train" else []), *part.skipped()]  # without a split: once
        skipped += [{"source": work.source.name, "split": work.split, **item} for item in broken]
    shards.write_lines(out / SKIPPED, skipped)
    if skipped:
        first = skipped[0]
        progress.say(
            f"{len(skipped)} files skipped, the first {first['id']} of {first['source']} ({first['why']}); all are in"
            f" {out / SKIPPED}"
        )
    return copies.summary(groups)


def _write_text(
    config: Config,
    opened: Mapping[str, base.Source],
    out: pathlib.Path,
    words: text_tokenizer.TextTokenizer | None,
) -> None:
    """Writes the text tokenizer; it is trained on the faces of the parts unless it is given."""
    schemas = [source.schema for source in opened.values()]
    faces = [records.RecordFields(records.Records(out / name / "train" / "records.jsonl")) for name in opened]
    phrases = [source.dataset.caption_phrases() for source in opened.values()]
    tokenizer = words or make_text_tokenizer(config.text, schemas, faces, config.data.seed, phrases)
    for file in _TEXT_FILES:
        (out / file).unlink(missing_ok=True)
    tokenizer.save(out)


def _describe(config: Config, opened: Mapping[str, base.Source], out: pathlib.Path) -> dict[str, Any]:
    """The description of the parts and their origin in the store's meta.json."""
    text = next(file for file in _TEXT_FILES if (out / file).is_file())
    part = files.read_json(out / next(iter(opened)) / "train" / "meta.json", "the part's description")
    return {
        "image_size": config.data.image_size,
        "codes_per_image": part["codes_per_image"],
        "text_tokenizer": text,
        "text_hash": hashlib.sha256((out / text).read_bytes()).hexdigest(),
        "sources": {name: _describe_source(source, out) for name, source in opened.items()},
        "config": to_dict(config.data, without=(Role.FREE,)),
        "opted_out": opt_out.read(config.data.opt_out).key,
        "versions": {"t2f_jax": __version__, "pillow": PIL.__version__, "numpy": np.__version__},
    }


def _describe_source(source: base.Source, out: pathlib.Path) -> dict[str, Any]:
    """A source's entry in meta.json: its schema and terms; for each split the number of faces and the key."""
    dataset, splits = source.dataset, {}
    for split in base.SPLITS:
        part = files.read_json(out / source.name / split / "meta.json", "the part's description")
        splits[split] = {"count": part["count"], "key": part["key"]}
    about = {
        "schema": [attribute.to_json() for attribute in source.schema],
        "splits": splits,
        "title": dataset.title,
        "licence": dataset.licence,
        "citation": dataset.citation,
    }
    return {**about, "notes": base.notes(source)} if base.notes(source) else about  # others stay byte-identical


def _clean(out: pathlib.Path) -> None:
    """Removes the shards, which are no longer needed, and incomplete files of killed calls."""
    left = [path for path in (*out.glob(".*"), *out.glob("*/.*")) if path.name.endswith((".partial", ".old"))]
    for path in (out / SHARDS, *left):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)  # another process may be removing it, too
        else:
            path.unlink(missing_ok=True)


def _is_made(out: pathlib.Path, fingerprint: str) -> bool:
    """Whether the store exists, complete and with these settings; prints a message if it was damaged."""
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
    """Checks, before any work, for errors that would stop `run` at its end: an empty split, or no usable vocabulary.

    Raises:
      UserError: the errors of `run` that can be found without reading an image.
    """
    for source in registry.open_sources(config).values():
        check_splits(source)
    _text_identity(config.text, None)
    if config.text.kind == "wordpiece":
        text_tokenizer.WordPiece.load(pathlib.Path(os.path.expanduser(config.text.vocab_file)))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _text_identity(text: TextConfig, words: text_tokenizer.TextTokenizer | None) -> list[Any]:
    if words is not None:
        return [words.hash]
    if text.kind == "sentencepiece":
        known = [text.kind, text.vocab_size, text.phrases]
        return [*known, "numbers"] if text.numbers else known  # others keep their fingerprint
    if not text.vocab_file:
        raise UserError("text.kind=wordpiece needs text.vocab_file, the vocabulary's file (a piece a line)")
    path = pathlib.Path(os.path.expanduser(text.vocab_file))
    if wrong := files.no_file(path):
        raise UserError(f"{path}: {wrong}; text.vocab_file should name a WordPiece vocabulary (a piece a line)")
    return [text.kind, hashlib.sha256(path.read_bytes()).hexdigest()]
