"""Every dtype of the idx format, and every way in which a file can be broken."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from neurarium.data.idx import DTYPES, read_idx
from neurarium.train.recipe import UserError


def idx_bytes(values: np.ndarray, code: int) -> bytes:
    """The format written down again, by the text of its specification."""
    header = struct.pack(">BBBB", 0, 0, code, values.ndim) + b"".join(struct.pack(">I", n) for n in values.shape)
    letter = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}[code]
    return header + struct.pack(f">{values.size}{letter}", *values.ravel().tolist())


@pytest.mark.parametrize("code", sorted(DTYPES))
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (0, 7), ()])
@pytest.mark.parametrize("packed", [False, True])
def test_reads_every_dtype(tmp_path, code, shape, packed):
    dtype = np.dtype(DTYPES[code]).newbyteorder("=")
    random = np.random.default_rng(0)
    values = random.integers(0, 100, shape).astype(dtype) if dtype.kind in "iu" else random.random(shape).astype(dtype)
    content = idx_bytes(values, code)
    path = tmp_path / ("file.gz" if packed else "file")
    path.write_bytes(gzip.compress(content) if packed else content)
    found = read_idx(path)
    assert found.dtype == dtype
    assert found.dtype.isnative
    np.testing.assert_array_equal(found, values)


GOOD = idx_bytes(np.arange(12, dtype=np.int32).reshape(3, 4), 0x0C)
PACKED = gzip.compress(GOOD, mtime=0)  # without the hour, so that the test has the same name in every process


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "begins with nothing"),
        (b"\x89PNG....", "begins with 89 50 4e 47"),
        (b"\0\0\x07\x01" + bytes(8), "dtype code"),
        (GOOD[:9], r"header needs 12 bytes for 2 axes, the file has 9: it is truncated"),
        (GOOD[:-1], r"shape \(3, 4\) of int32, 60 bytes in all, and the file has 59: it is truncated"),
        (GOOD + b"\0", "the file has 61: it has trailing bytes"),
        (PACKED[:-9], "whole gzip file"),
        (PACKED[:-4] + b"abcd", "whole gzip file"),
        (b"\x1f\x8b\x08\0garbage that is no deflate", "whole gzip file"),
    ],
)
def test_broken_files_are_named(tmp_path, content, message):
    path = tmp_path / "broken-ubyte"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_idx(path)
    assert str(path) in str(error.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="readable file: No such file"):
        read_idx(tmp_path / "nowhere")
