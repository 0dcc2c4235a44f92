"""The directory of a zip archive: a lying one costs neither time nor memory."""

import struct
import zipfile

from torch_files import archive, dictionary, refuse, tensor

from t2f_jax.io import zip_files


def test_a_zip_bomb_costs_neither_time_nor_memory(tmp_path):
    bomb = archive(tmp_path / "a.bin", dictionary(w=tensor()), [bytes(1 << 26)], zipfile.ZIP_DEFLATED)
    assert bomb.stat().st_size < 1 << 17
    refuse(bomb, "is compressed, which torch.save never does")
    lying = archive(tmp_path / "b.bin", dictionary(w=tensor()), [bytes(24)])
    data = lying.read_bytes()
    for size in (1 << 31, 1 << 20):  # the directory claims that the storage has so many bytes
        at = data.rindex(b"PK\1\2")
        lying.write_bytes(data[: at + 20] + struct.pack("<2I", size, size) + data[at + 28 :])
        refuse(lying, "claims .* bytes from|contradicts")
    end = data.rindex(b"PK\5\6")
    lying.write_bytes(data[: end + 8] + struct.pack("<2H2I", 65534, 65534, 1 << 30, 0) + data[end + 20 :])
    refuse(lying, "more than any torch file has")


def test_a_name_from_a_file_is_printed_short_and_on_one_line():
    assert zip_files.shown("a\n\x1b[31m") == r"'a\n\x1b[31m'"
    assert len(zip_files.shown("x" * 10_000)) < 130
