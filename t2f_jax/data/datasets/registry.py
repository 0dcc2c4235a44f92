"""The list of datasets, and functions that open the sources of a config."""

import dataclasses
import importlib
import os
import pathlib
from collections.abc import Mapping

from t2f_jax import arguments
from t2f_jax.config.schema import Config, SourceConfig
from t2f_jax.data.datasets import prepared
from t2f_jax.data.datasets.base import SPLITS, Dataset, Source, landmarks
from t2f_jax.errors import UserError, WrongArgument, nearest
from t2f_jax.io.progress import say
from t2f_jax.tokens.attributes import Attribute

# kind -> module of this package, which defines `DATASET`; imported when the kind is first used.
MODULES = {
    "synthetic": "synthetic.source",
    "celeba": "celeba",
    "celeb_a": "celeb_a",
    "celeba_hq": "celeba_hq",
    "mm_celeba_hq": "mm_celeba_hq",
    "celeba_dialog": "celeba_dialog",
    "celebatext_hq": "celebatext_hq",
    "face2text": "face2text",
    "utkface": "utkface",
    "own": "own.source",
    "imdb_wiki": "imdb_wiki",
    "imdb_clean": "imdb_clean",
    "morph": "morph",
    "agedb": "agedb",
    "appa_real": "appa_real",
    "lfw": "lfw",
    "ffhq": "ffhq",
    "fairface": "fairface",
    "raf_db": "raf_db",
    "maad_face": "maad_face",
    "affectnet": "affectnet",
    "facecaption": "facecaption",
    "laion_face": "laion_face",
}


def find(kind: str, key: str = "kind") -> Dataset:
    """The entry of a kind of dataset. If there is none, raises UserError with `key`, the nearest kind and all kinds."""
    if arguments.text(key, kind) not in MODULES:
        near = nearest(kind.lower(), MODULES)
        hint = f"; the nearest is '{near}'" if near else ""
        raise WrongArgument(f"'{key}' must be one of {', '.join(MODULES)}, got '{kind}'{hint}")
    return importlib.import_module(f"t2f_jax.data.datasets.{MODULES[kind]}").DATASET


def weighted(sources: Mapping[str, SourceConfig]) -> dict[str, SourceConfig]:
    """The sources with a weight above 0, in the config's order; others are not used.

    Raises:
      UserError: there is none, one has an unknown kind, or one sets a `count`, `columns` or `celeba` that its dataset
        does not use.
    """
    chosen = {name: source for name, source in sources.items() if source.weight > 0}
    if not chosen:
        raise UserError("no dataset: a config needs data.sources.<name> with a weight above 0")
    for name, source in chosen.items():
        dataset = find(source.kind, f"data.sources.{name}.kind")
        if not dataset.drawn and source.count != SourceConfig.count:
            raise UserError(
                f"data.sources.{name}.count={source.count}: count is for drawn faces; a {source.kind} dataset is read"
                " as a whole, and weight=0 leaves it out"
            )
        if source.columns and not dataset.own:
            raise UserError(
                f"data.sources.{name}.columns: the columns of {dataset.title} are known; only those of your own data"
                " (kind=own) can be renamed"
            )
        if source.celeba and not dataset.of_celeba:
            raise UserError(
                f"data.sources.{name}.celeba: the faces of {dataset.title} are not CelebA's; leave it empty"
            )
    return chosen


def _sharing_celeba(sources: Mapping[str, SourceConfig], chosen: Mapping[str, SourceConfig]) -> dict[str, SourceConfig]:
    """`chosen`, with the folder of a CelebA source set in all datasets of its images that do not set it themselves.

    One partition then decides the splits of all, and no test face of one is a training face of another.
    """
    celeba = next((source.folder for source in sources.values() if source.kind == "celeba" and source.folder), "")
    return {
        name: dataclasses.replace(source, celeba=source.celeba or celeba) if find(source.kind).of_celeba else source
        for name, source in chosen.items()
    }


def open_source(config: SourceConfig, name: str, seed: int = 0) -> Source:
    """Opens the dataset that `data.sources.<name>` describes; `seed` is for drawn faces.

    Raises:
      UserError: an unknown kind or partition, a missing folder, or one that is not in the official layout.
    """
    dataset = find(config.kind, f"data.sources.{name}.kind")
    if config.partition not in ("", *dataset.partitions):
        known = ", ".join(dataset.partitions)
        rule = f"{dataset.title} knows {known}" if known else f"{dataset.title} has only its own rule; leave it empty"
        raise UserError(f"data.sources.{name}.partition='{config.partition}': {rule}")
    if dataset.folder:
        folder = _find_folder(dataset, config, name)
        if by_tfds := prepared.find(folder, dataset.kind, config.partition):
            return prepared.Prepared(name, dataset, by_tfds)
        config = dataclasses.replace(config, folder=str(folder))
    return dataset.open(name, config, seed)


def open_sources(config: Config) -> dict[str, Source]:
    """Opens the sources with nonzero weight, by name.

    Raises:
      UserError: as `weighted` and `open_source`; or no source has landmarks, but the config uses them.
    """
    chosen = _sharing_celeba(config.data.sources, weighted(config.data.sources))
    opened = {name: open_source(source, name, config.data.seed) for name, source in chosen.items()}
    if config.data.resize == "landmarks":
        _check_landmarks(opened)
    return opened


def _check_landmarks(opened: Mapping[str, Source]) -> None:
    without = []
    for name, source in opened.items():
        faces = (i for split in SPLITS for i in source.split(split))
        if all(landmarks(source, i) is None for i in faces):
            without.append(name)
    if len(without) == len(opened):
        raise UserError(
            f"data.resize=landmarks: no face of {', '.join(without)} has landmarks; CelebA has them in"
            " list_landmarks_align_celeba.txt, your own data in columns lefteye_x, lefteye_y, ...; or set"
            " data.resize=crop"
        )
    if without:
        say(f"no landmarks in {', '.join(without)}: these faces are cropped, not aligned")


def schema(config: SourceConfig, name: str) -> tuple[Attribute, ...]:
    """The attributes of the faces of `data.sources.<name>`; own data is opened to find them.

    Raises:
      UserError: an unknown kind, or own data that cannot be read.
    """
    dataset = find(config.kind, f"data.sources.{name}.kind")
    return open_source(config, name).schema if dataset.own else dataset.schema


def data_root() -> str:
    """The folder of datasets if a config names none: $T2F_DATA, or an empty string."""
    return os.environ.get("T2F_DATA", "")


def place(dataset: Dataset) -> pathlib.Path | None:
    """The dataset's official folder in $T2F_DATA; None if it does not exist, or the dataset needs no folder."""
    root = data_root()
    folder = pathlib.Path(os.path.expanduser(root)) / dataset.folder
    return folder if root and dataset.folder and folder.is_dir() else None


def _find_folder(dataset: Dataset, config: SourceConfig, name: str) -> pathlib.Path:
    official, root = dataset.folder, data_root()
    if not config.folder and not root:
        raise UserError(
            f"where is {official}? set T2F_DATA to the folder that holds {official}/,"
            f" or data.sources.{name}.folder to that folder itself; data.sources.{name}.weight=0 leaves this dataset"
            " out."
            f" How to get it: {dataset.obtain}"
        )
    folder = pathlib.Path(os.path.expanduser(config.folder or pathlib.Path(root) / official))
    if not folder.is_dir():
        raise UserError(
            f"{folder}: no such folder ({official} was looked for there); set T2F_DATA to the folder that holds"
            f" {official}/, or data.sources.{name}.folder to that folder itself; data.sources.{name}.weight=0 leaves"
            " it out."
            f" How to get it: {dataset.obtain}"
        )
    return folder
