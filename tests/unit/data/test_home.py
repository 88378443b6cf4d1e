"""Where data is looked for, and what happens when mirrors fail: with a server of this machine as the mirrors."""

from __future__ import annotations

import hashlib
import http.server
import threading
from pathlib import Path

import pytest

from neurarium.data import home
from neurarium.data.home import FASHION_MNIST, MNIST, Archive, fetch
from neurarium.train.recipe import UserError

CONTENT = b"the right bytes"
HASH = hashlib.sha256(CONTENT).hexdigest()


class Answers(http.server.BaseHTTPRequestHandler):
    requested: list[str]

    def do_GET(self):
        self.requested.append(self.path)
        mirror = self.path.split("/")[1]
        if mirror == "gone":
            self.send_error(404)
            return
        body = {"good": CONTENT, "wrong": b"other bytes"}[mirror]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


@pytest.fixture
def mirrors(monkeypatch, tmp_path):
    """(address, requested paths) of a server; NEURARIUM_DATA is an empty folder."""
    monkeypatch.setenv("NEURARIUM_DATA", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    handler = type("Handler", (Answers,), {"requested": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler.requested
        server.shutdown()
        thread.join()


def archive(address: str, *names: str) -> Archive:
    return Archive("tiny", {"file.bin": HASH}, tuple(f"{address}/{name}" for name in names))


def test_first_mirror_serves_and_the_second_call_needs_none(mirrors):
    address, requested = mirrors
    for _ in range(2):
        paths = fetch(archive(address, "good", "gone"))
        assert paths["file.bin"].read_bytes() == CONTENT
        assert paths["file.bin"] == home.home() / "tiny" / "file.bin"
    assert requested == ["/good/file.bin"]


@pytest.mark.parametrize("bad", ["gone", "wrong"])
def test_falls_back_to_the_next_mirror(mirrors, bad):
    address, requested = mirrors
    assert fetch(archive(address, bad, "good"))["file.bin"].read_bytes() == CONTENT
    assert requested == [f"/{bad}/file.bin", "/good/file.bin"]


def test_falls_back_when_nothing_listens(mirrors):
    address, _ = mirrors
    dead = Archive("tiny", {"file.bin": HASH}, ("http://127.0.0.1:9", f"{address}/good"))
    assert fetch(dead)["file.bin"].read_bytes() == CONTENT


def test_one_error_when_all_mirrors_fail(mirrors):
    address, _ = mirrors
    with pytest.raises(UserError) as error:
        fetch(archive(address, "gone", "wrong"))
    message = str(error.value)
    folder = home.home() / "tiny"
    for part in ("file.bin", str(folder), "NEURARIUM_DATA", f"{address}/gone", f"{address}/wrong", "404"):
        assert part in message
    assert not list(folder.glob("*")), "a file with a wrong hash was left behind"


def test_a_wrong_local_file_is_an_error_with_its_path(mirrors):
    path = home.home() / "tiny" / "file.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"spoilt")
    with pytest.raises(UserError, match=f"expected SHA-256 {HASH}, found .* Delete the file") as error:
        fetch(archive(mirrors[0], "good"))
    assert str(path) in str(error.value)


def test_home_is_the_users_cache_by_default(monkeypatch):
    monkeypatch.delenv("NEURARIUM_DATA", raising=False)
    assert home.home().name == "neurarium"
    monkeypatch.setenv("NEURARIUM_DATA", "~/sets")
    assert home.home() == Path.home() / "sets"


@pytest.mark.parametrize("published", [MNIST, FASHION_MNIST])
def test_every_published_set_has_two_mirrors_and_whole_hashes(published):
    assert len(published.mirrors) >= 2
    assert len(published.hashes) == 4
    assert all(len(bytes.fromhex(value)) == 32 for value in published.hashes.values())
