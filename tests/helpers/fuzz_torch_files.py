"""Fuzzes the reader of torch files: python tests/helpers/fuzz_torch_files.py [options of libFuzzer].

Needs atheris (pip install atheris); -max_total_time=600 stops it after ten minutes. The input is a file or, in half
of the cases, the pickle in a valid file, so that mutations reach the pickle machine. Any error other than a
`UserError`, a run of more than -timeout seconds or more than -rss_limit_mb of memory stops it and saves the input.
"""

import pathlib
import pickle
import sys
import tempfile

import atheris
import numpy as np

with atheris.instrument_imports(include=["t2f_jax.io", "pickletools"]):
    import pickletools  # noqa: F401

    from t2f_jax.convert import torch_writer
    from t2f_jax.io import pickles, torch_reader, zip_files  # noqa: F401

from torch_files import archive, dictionary, tensor

from t2f_jax.errors import UserError

FOLDER = pathlib.Path(tempfile.mkdtemp())
FILE = FOLDER / "input.bin"


def one_input(data: bytes) -> None:
    """A first byte that is even: the rest is a file; odd: the rest is a pickle."""
    if data[:1] and data[0] % 2:
        archive(FILE, data[1:], [bytes(24)])
    else:
        FILE.write_bytes(data[1:])
    try:
        file = torch_reader.TorchFile(FILE)
        for name in file.tensors:
            file.read(name)
    except UserError:
        pass


def seeds() -> str:
    """Writes the seed files and pickles."""
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    torch_writer.write(FILE, [("a", np.ones((2, 3), np.float32)), ("b", np.arange(3))], "state_dict")
    whole = FILE.read_bytes()
    one = dictionary(w=tensor(), v=tensor(strides=(1, 2), offset=0))
    lightning = dictionary(callbacks=pickle.dumps({"x": [1.5, {"y"}]}, 2)[2:-1], state_dict=one[2:-1])
    for i, pickled in enumerate([one, lightning, *(pickle.dumps({"a": (1, [2.5, b"x", None])}, p) for p in range(6))]):
        (corpus / f"pickle{i}").write_bytes(b"\1" + pickled)
    (corpus / "file").write_bytes(b"\0" + whole)
    return str(corpus)


if __name__ == "__main__":
    atheris.Setup([*sys.argv, "-rss_limit_mb=2048", "-timeout=20", seeds()], one_input)
    atheris.Fuzz()
