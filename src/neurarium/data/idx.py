"""Reader of the idx format of MNIST: two zero bytes, a dtype code, the number of axes, their sizes, then the values.

All numbers are big-endian. The file may be packed with gzip.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from neurarium.train.recipe import UserError

DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx or idx.gz file, in the machine's byte order; UserError with the path when it is not one."""
    content = _unpacked(path)
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in DTYPES:
        codes = ", ".join(f"0x{code:02x}" for code in DTYPES)
        raise UserError(
            f"{path}: expected an idx file, which begins with two zero bytes and a dtype code of {codes}; it begins "
            f"with {content[:4].hex(' ') or 'nothing'}. Fetch the file again, or check that it is the right one."
        )
    dtype, num_axes = np.dtype(DTYPES[content[2]]), content[3]
    start = 4 + 4 * num_axes
    if len(content) < start:
        raise UserError(
            f"{path}: the header needs {start} bytes for {num_axes} axes, the file has {len(content)}: "
            "it is truncated. Fetch it again."
        )
    shape = struct.unpack(f">{num_axes}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        wrong = "is truncated" if len(content) < expected else "has trailing bytes"
        raise UserError(
            f"{path}: the header announces shape {shape} of {dtype.newbyteorder('=').name}, {expected} bytes in all, "
            f"and the file has {len(content)}: it {wrong}. Fetch it again."
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))


def _unpacked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a readable file: {error.strerror}. Check path and rights.") from error
    if content[:2] != b"\x1f\x8b":
        return content
    try:
        return gzip.decompress(content)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(f"{path}: expected a whole gzip file; unpacking failed: {error}. Fetch it again.") from error
