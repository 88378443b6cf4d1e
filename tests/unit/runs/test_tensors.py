from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from neurarium.runs.errors import RunError
from neurarium.runs.tensors import UNSEALED, read_header, seal, verify

STATE = {"state": json.dumps({"step": 3, "name": '"crc32":"--------"'})}


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    path = tmp_path / "step-00000003.safetensors"
    tensors = {
        "weight": np.arange(600, dtype=np.float32).reshape(20, 30),
        "crc32": np.ones((3,), dtype=bool),
        "scalar": np.array(7, dtype=np.int64),
        "empty": np.zeros((0, 4), dtype=np.uint8),
        "half": np.ones(5, dtype=np.float16),
    }
    save_file(tensors, path, metadata={**STATE, **UNSEALED})
    seal(path)
    return path


def test_sealed_file_is_a_plain_safetensors_file(sealed: Path) -> None:
    assert verify(sealed) == read_header(sealed) == STATE
    assert load_file(sealed)["weight"][19, 29] == 599


def test_seal_is_the_checksum_with_its_place_blank(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file({"x": np.ones(4)}, path, metadata=UNSEALED)
    expected = f"{zlib.crc32(path.read_bytes()):08x}"
    assert seal(path) == expected
    assert f'"crc32":"{expected}"'.encode() in path.read_bytes()


def test_every_flipped_byte_is_found(sealed: Path) -> None:
    good = sealed.read_bytes()
    for place in range(len(good)):
        sealed.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        with pytest.raises(RunError, match=r"is damaged: .*resume from the checkpoint before it"):
            verify(sealed)


def test_every_truncation_is_found(sealed: Path) -> None:
    good = sealed.read_bytes()
    for length in (*range(0, len(good), 97), len(good) - 1):
        sealed.write_bytes(good[:length])
        for check in (verify, read_header):
            with pytest.raises(RunError, match="is damaged") as caught:
                check(sealed)
            assert str(sealed) in str(caught.value)
    sealed.write_bytes(good + b"\0")
    with pytest.raises(RunError, match=f"it has {len(good) + 1} bytes, expected {len(good)}"):
        verify(sealed)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(RunError, match=r"Cannot read .*No such file"):
        verify(path)
    path.write_bytes(b"")
    with pytest.raises(RunError, match="it is empty"):
        verify(path)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"x" * 100)
    with pytest.raises(RunError, match="its header should have"):
        verify(path)
    for header in (
        b"[1]",
        b"{}x",
        b'{"a": 3}',
        b'{"a": {"dtype": "F31", "shape": [1], "data_offsets": [0, 4]}}',
        b"\xff",
    ):
        path.write_bytes(struct.pack("<Q", len(header)) + header)
        with pytest.raises(RunError, match="not that of a safetensors file"):
            verify(path)
    header = b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"1234")
    with pytest.raises(RunError, match="do not fit their shapes"):
        verify(path)


def test_file_without_a_seal(tmp_path: Path) -> None:
    path = tmp_path / "theirs.safetensors"
    save_file({"x": np.ones(4)}, path)
    assert verify(path, sealed=False) == {}
    with pytest.raises(RunError, match="carries no seal"):
        verify(path)
    with pytest.raises(RunError, match="UNSEALED"):
        seal(path)
    save_file({"x": np.ones(4)}, path, metadata=UNSEALED)
    with pytest.raises(RunError, match="never sealed"):
        verify(path)
