"""Whether a file of tensors is whole, found out without torch and without loading a tensor.

The layout of safetensors: 8 bytes with the length n of the header (little-endian), n bytes of JSON, then the tensors'
bytes. The JSON holds dtype, shape and the byte range of every tensor, and under "__metadata__" texts of the writer.
"""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from neurarium.runs.errors import RunError

UNSEALED = {"crc32": "--------"}
"""Put this into the metadata of a file that `seal` is to seal: it keeps the place for the checksum."""

_PLACE = b'"crc32":"'  # inside a text the quotes would be escaped, so this is found only where it is a key
_BLANK = UNSEALED["crc32"].encode()
_CHUNK = 1 << 22
_BITS = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "BOOL": 8, "I8": 8, "U8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16}
_BITS |= {"I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64, "C64": 64}
_BITS |= {"F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8}


def seal(path: str | os.PathLike[str]) -> str:
    """Write the CRC-32 of the whole file into the place that UNSEALED keeps in its metadata; return its 8 hex digits.

    It covers header and tensors, with the place itself read as blank. To be called inside `atomic_write`, on the
    temporary, right after the tensors were saved: the file stays one file, and a plain safetensors file.
    """
    with open(path, "rb+") as file:
        header = _raw_header(file, Path(path))
        place = header.find(_PLACE + _BLANK)
        if place < 0:
            raise RunError(f"Cannot seal {path}: its metadata must hold tensors.UNSEALED; save it with that.")
        digits = f"{_checksum(file, header, place):08x}"
        file.seek(8 + place + len(_PLACE))
        file.write(digits.encode())
    return digits


def read_header(path: str | os.PathLike[str]) -> dict[str, str]:
    """The writer's metadata of a safetensors file, without the seal; the tensors are not read.

    Raises RunError where the file is missing, empty, cut or no safetensors file.
    """
    with _opened(Path(path)) as file:
        return _metadata(_header(file, Path(path))[1])


def verify(path: str | os.PathLike[str], *, sealed: bool = True) -> dict[str, str]:
    """Read the whole file once (1 to 3 GB/s) and return its metadata, as `read_header` does.

    sealed: whether a seal must be there; False for files of others, of which only header and length are checked.

    Raises RunError where its length is not the one that its header says, or where any bit differs from what was
    sealed.
    """
    path = Path(path)
    with _opened(path) as file:
        header, entries = _header(file, path)
        found = entries.get("__metadata__", {}).get("crc32")
        place = header.find(_PLACE)
        if found is None or place < 0:
            if sealed:
                raise _damaged(path, "it carries no seal, as the files of a run do")
        else:
            if found == UNSEALED["crc32"]:
                raise _damaged(path, "it was never sealed, so its writing did not end")
            came = f"{_checksum(file, header, place):08x}"
            if came != found:
                raise _damaged(path, f"the checksum of its bytes is {came}, expected {found}")
        return _metadata(entries)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise RunError(
            f"Cannot read {path}: {error.strerror}; expected a safetensors file. Check the path; "
            "the files of a run lie in its folder checkpoints/."
        ) from error


def _damaged(path: Path, why: str) -> RunError:
    return RunError(
        f"{path} is damaged: {why}. Delete it and resume from the checkpoint before it, "
        "or evaluate the run's checkpoints/best.safetensors."
    )


def _raw_header(file: BinaryIO, path: Path) -> bytes:
    size = os.fstat(file.fileno()).st_size
    if size == 0:
        raise _damaged(path, "it is empty")
    if size < 8:
        raise _damaged(path, f"it has {size} bytes, expected at least 8; it was cut, or is no safetensors file")
    (length,) = struct.unpack("<Q", file.read(8))
    if length > size - 8:
        raise _damaged(
            path, f"its header should have {length} bytes, but {size - 8} follow; it was cut, or is no safetensors file"
        )
    return file.read(length)


def _header(file: BinaryIO, path: Path) -> tuple[bytes, dict[str, Any]]:
    """Header as bytes and as JSON, after a check that the tensors fill the rest of the file exactly."""
    raw = _raw_header(file, path)
    try:
        entries = json.loads(raw)
        if not all(isinstance(text, str) for text in entries.get("__metadata__", {}).values()):
            raise TypeError
        ranges = sorted(
            (*entry["data_offsets"], _BITS[entry["dtype"]] * math.prod(entry["shape"]))
            for name, entry in entries.items()
            if name != "__metadata__"
        )
        end = 0
        for start, stop, bits in ranges:
            if start != end or (stop - start) * 8 != bits:
                raise _damaged(path, "the byte ranges of its tensors have gaps, overlap, or do not fit their shapes")
            end = stop
    except RunError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(path, "its header is not that of a safetensors file") from error
    expected, came = 8 + len(raw) + end, os.fstat(file.fileno()).st_size
    if came != expected:
        raise _damaged(path, f"it has {came} bytes, expected {expected}")
    return raw, entries


def _metadata(entries: dict[str, Any]) -> dict[str, str]:
    return {name: text for name, text in entries.get("__metadata__", {}).items() if name != "crc32"}


def _checksum(file: BinaryIO, header: bytes, place: int) -> int:
    value = place + len(_PLACE)
    blank = header[:value] + _BLANK + header[value + len(_BLANK) :]
    check = zlib.crc32(blank, zlib.crc32(struct.pack("<Q", len(header))))
    file.seek(8 + len(header))
    while chunk := file.read(_CHUNK):
        check = zlib.crc32(chunk, check)
    return check
