"""Shared by all tests: JAX on the CPU, `--slow`, real faces if present, and small synthetic datasets."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"  # before anything imports jax
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Tests compile hundreds of small programs and run each only once or twice, so they compile with little optimization.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import gc
import pathlib
import signal
import sys

import buckets
import pytest
from faces import encode_stub, save_jpeg, store_config

from t2f_jax.data.datasets import celeba_files

# Under nohup, or in the background of a shell script, these signals are ignored; commands started by tests would
# inherit that.
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_addoption(parser):
    parser.addoption("--slow", action="store_true", help="run the tests marked slow, too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--slow") or "slow" in config.getoption("-m"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(scope="module", autouse=True)
def few_programs():
    """Drops compiled programs when there are many (a whole run had 9 GB of them), and writes none to disk.

    In a whole run JAX once crashed with a segmentation fault while writing a program to its persistent cache.
    """
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_enable_compilation_cache", False)
    yield
    maps = pathlib.Path("/proc/self/maps")  # each program has some mappings
    if "jax" in sys.modules and maps.exists() and maps.read_bytes().count(b"\n") > 25_000:
        sys.modules["jax"].clear_caches()
        gc.collect()


@pytest.fixture(scope="session")
def real_data() -> pathlib.Path:
    """Folder with CelebA/ and UTKFace/: $T2F_DATA, or shared/data beside the repository."""
    folder = pathlib.Path(os.environ.get("T2F_DATA") or pathlib.Path(__file__).parents[2] / "shared" / "data")
    for name in ("CelebA", "UTKFace"):
        if not (folder / name).is_dir():
            pytest.skip(f"no {name} in {folder}; set T2F_DATA to the folder that holds CelebA and UTKFace")
    return folder


@pytest.fixture(scope="module")
def torch():
    module = pytest.importorskip("torch", reason="torch is not installed; pip install -e '.[torch]'")
    module.set_num_threads(1)  # synchronizing threads costs more than these small models
    return module


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """gs:// in memory, copied to `tmp_path`; its contents are {"/b/run/file": a file with getvalue()}."""
    return buckets.install(monkeypatch, tmp_path / "cache")


@pytest.fixture
def celeba_folder(tmp_path) -> pathlib.Path:
    """Twelve faces in CelebA's layout: 000001.jpg .. 000012.jpg; 8 train, 2 validation, 2 test. Odd ones are male."""
    folder = tmp_path / "CelebA"
    names = [f"{k:06d}.jpg" for k in range(1, 13)]
    rows = []
    for k, name in enumerate(names, 1):
        save_jpeg(folder / "img_align_celeba" / name, k, 89, 109)
        labels = ["-1"] * len(celeba_files.COLUMNS)
        if k % 2:
            labels[celeba_files.COLUMNS.index("Male")] = "1"
        if k == 3:
            labels[celeba_files.COLUMNS.index("Eyeglasses")] = "1"
        rows.append(f"{name} " + " ".join(f"{label:>2}" for label in labels))
    header = " ".join(celeba_files.COLUMNS)
    (folder / "list_attr_celeba.txt").write_text("\n".join([str(len(names)), header, *rows]) + "\n")
    parts = ["0"] * 8 + ["1"] * 2 + ["2"] * 2
    (folder / "list_eval_partition.txt").write_text("".join(f"{n} {p}\n" for n, p in zip(names, parts)))
    return folder


@pytest.fixture
def utkface_folder(tmp_path) -> pathlib.Path:
    """Thirty correctly named faces of ages 1..30, and three files whose names have no labels."""
    folder = tmp_path / "UTKFace"
    for k in range(1, 31):
        save_jpeg(folder / f"{k}_{k % 2}_{k % 5}_201701161745251{k:02d}.jpg.chip.jpg", k, 112, 112)
    for name in ("39_1_20170116174525125.jpg.chip.jpg", "7_2_1_2017.jpg.chip.jpg", "face.jpg"):
        save_jpeg(folder / name, 0, 112, 112)
    return folder


@pytest.fixture(scope="session")
def store_folder(tmp_path_factory) -> pathlib.Path:
    """A prepared store of `store_config(views=3, flip=True, jitter=0.1)`."""
    from t2f_jax.data import corpus, prepare

    folder = tmp_path_factory.mktemp("prepared")
    config = store_config(views=3, flip=True, jitter=0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "SENTENCES", 600)
        return prepare.run(config, encode_stub, "stub-tokenizer", folder / "images", folder / "store")
