"""The directory of a zip archive with uncompressed entries, as torch.save writes them.

Only the directory is read: an entry is a range of bytes of the file. `zipfile` of the standard library is not used, for
two reasons. It does not give the offset of an entry's bytes, which `torch_reader` needs to read a tensor directly. And
a malicious file must not take much time or memory: here no declared size can request more memory than the file has
bytes, nothing is unpacked, and entries must be within the file.

Layout of the records: PKWARE's APPNOTE.TXT, sections 4.3.7 to 4.3.16 and 4.5.3.
"""

import dataclasses
import pathlib
import struct
from typing import BinaryIO

from t2f_jax.errors import UserError

MOST_ENTRIES = 1 << 17
LONGEST_DIRECTORY = 1 << 25  # bytes
_END, _END64, _LOCATOR64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_ENTRY, _LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
_RESAVE = "save it again with torch.save"


@dataclasses.dataclass(frozen=True)
class Entry:
    """One stored file: `size` bytes from `offset` on, with their CRC-32 if it is known."""

    offset: int
    size: int
    crc: int | None


def read_directory(path: pathlib.Path) -> dict[str, Entry]:
    """Name -> entry of every file in the archive.

    Raises:
      UserError: not a zip archive, a truncated or contradictory one, or one with compressed or encrypted entries.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        count, start, directory = _directory(path, file, size)
        entries: dict[str, Entry] = {}
        place = 0
        for _ in range(count):
            if place + _ENTRY.size > len(directory):
                raise _broken(path, "its directory ends too early")
            fields = _ENTRY.unpack_from(directory, place)
            name_length, extra_length, comment_length = fields[10:13]
            place += _ENTRY.size
            name = directory[place : place + name_length].decode("utf-8", "replace")
            extra = directory[place + name_length : place + name_length + extra_length]
            place += name_length + extra_length + comment_length
            if fields[0] != b"PK\1\2" or place > len(directory):
                raise _broken(path, "its directory is damaged")
            if name in entries:
                raise _broken(path, f"entry {shown(name)} is listed twice")
            entries[name] = _entry(path, file, name, fields, extra, start)
    return entries


def read_entry(path: pathlib.Path, entry: Entry) -> bytes:
    """All bytes of an entry."""
    with path.open("rb") as file:
        file.seek(entry.offset)
        return file.read(entry.size)


def shown(name: str) -> str:
    """A name from a file, quoted, in printable characters and cut to 120."""
    return ascii(name if len(name) <= 120 else name[:117] + "...")


def _directory(path: pathlib.Path, file: BinaryIO, size: int) -> tuple[int, int, bytes]:
    """-> (number of entries, offset of the directory, its bytes)."""
    tail_start = max(0, size - (1 << 16) - _END.size)
    file.seek(tail_start)
    tail = file.read(size - tail_start)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or at + _END.size > len(tail):
        raise _broken(path, "its end is missing: the file is cut off, or was never a zip archive")
    _, _, _, _, count, length, start, _ = _END.unpack_from(tail, at)
    locator = at - _LOCATOR64.size
    if count == 0xFFFF or 0xFFFFFFFF in (length, start):  # the real numbers are in the zip64 record
        if locator < 0 or tail[locator : locator + 4] != b"PK\6\7":
            raise _broken(path, "its end is damaged")
        where = _LOCATOR64.unpack_from(tail, locator)[2]
        if where + _END64.size > size:
            raise _broken(path, "its end is damaged")
        file.seek(where)
        fields = _END64.unpack(file.read(_END64.size))
        if fields[0] != b"PK\6\6":
            raise _broken(path, "its end is damaged")
        count, length, start = fields[7:10]
    if count > MOST_ENTRIES or length > LONGEST_DIRECTORY:
        raise _broken(path, f"its directory claims {count} entries in {length} bytes, more than any torch file has")
    if start + length > size:
        raise _broken(path, "its directory lies outside the file: the file is cut off")
    file.seek(start)
    return count, start, file.read(length)


def _entry(path: pathlib.Path, file: BinaryIO, name: str, fields: tuple, extra: bytes, end: int) -> Entry:
    """Checks one line of the directory against the entry's own header. `end`: the offset of the directory."""
    flags, method, crc = fields[3], fields[4], fields[7]
    packed, size, offset = fields[8], fields[9], fields[16]
    if flags & 1:
        raise _broken(path, f"entry {shown(name)} is encrypted; {_RESAVE}")
    if method != 0:
        raise _broken(path, f"entry {shown(name)} is compressed, which torch.save never does; {_RESAVE}")
    size, packed, offset = _zip64(path, name, [size, packed, offset], extra)
    if packed != size or offset + _LOCAL.size > end:
        raise _broken(path, f"entry {shown(name)} contradicts itself: {size} bytes stored in {packed}, at {offset}")
    file.seek(offset)
    local = _LOCAL.unpack(file.read(_LOCAL.size))
    begin = offset + _LOCAL.size + local[9] + local[10]
    if local[0] != b"PK\3\4" or local[2] & 1 or local[3] != 0:
        raise _broken(path, f"entry {shown(name)} has a damaged header")
    if begin + size > end:
        raise _broken(path, f"entry {shown(name)} claims {size} bytes from {begin} on, but its part ends at {end}")
    return Entry(begin, size, crc)


def _zip64(path: pathlib.Path, name: str, values: list[int], extra: bytes) -> list[int]:
    """Replaces values that do not fit in 32 bits by those of the extra field."""
    if 0xFFFFFFFF not in values:
        return values
    place = 0
    while place + 4 <= len(extra):
        kind, length = struct.unpack_from("<HH", extra, place)
        wide = extra[place + 4 : place + 4 + length]
        if kind == 1 and len(wide) >= 8 * values.count(0xFFFFFFFF):
            numbers = iter(struct.unpack_from(f"<{len(wide) // 8}Q", wide))
            return [next(numbers) if value == 0xFFFFFFFF else value for value in values]
        place += 4 + length
    raise _broken(path, f"entry {shown(name)} has a damaged header")


def _broken(path: pathlib.Path, why: str) -> UserError:
    return UserError(f"{path}: not a readable torch file: {why}")
