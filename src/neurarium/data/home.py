"""Where data lies: the folder NEURARIUM_DATA, else the user's cache; what is missing there is downloaded.

Every file is known by its SHA-256, whether it was found or fetched, and every set has more than one mirror.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurarium.train.recipe import UserError

VARIABLE = "NEURARIUM_DATA"
TIMEOUT = 30  # seconds without an answer before the next mirror is tried


@dataclass(frozen=True, slots=True)
class Archive:
    """Files that belong together.

    name: the folder inside the home.
    hashes: file name -> SHA-256 in hex.
    mirrors: addresses to which "/" and a file name are appended, tried in order.
    """

    name: str
    hashes: Mapping[str, str]
    mirrors: tuple[str, ...]


MNIST = Archive(
    name="mnist",
    hashes={
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    },
    mirrors=("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
)

FASHION_MNIST = Archive(
    name="fashion-mnist",
    hashes={
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    },
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
    ),
)

AG_NEWS = Archive(
    name="ag-news",
    hashes={"test.csv": "521465c2428ed7f02f8d6db6ffdd4b5447c1c701962353eb2c40d548c3c85699"},
    mirrors=("https://raw.githubusercontent.com/mhjabreel/CharCnn_Keras/master/data/ag_news_csv",),
)

ECG5000 = Archive(
    name="ecg5000",
    hashes={
        "ECG5000_TRAIN.txt": "0d96aff193311a6dc6111bf0dbd2f7d2313987fbf7a1da4a383d92563876057b",
        "ECG5000_TEST_1500.txt.gz": "347c0294e659d77c0f98019cb053263b26db13bf2362240f9f3f01e14dadddb3",
    },
    mirrors=(),  # the archive that it comes from is offered only as a whole
)

CIFAR10 = Archive(
    name="cifar10",
    hashes={"cifar-10-binary.tar.gz": "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"},
    mirrors=("https://www.cs.toronto.edu/~kriz",),
)

CIFAR10_JPEG = Archive(
    name="cifar10-jpeg",
    hashes={
        "train.tar.gz": "3c711becd9d4e1929e667e85dc46bd671b938c16e46410296e2b27240a7b3399",
        "test.tar.gz": "33e6efe7655f1be7fb7373783dc369e9a809ff296896e9ff06f093b657170cc7",
    },
    mirrors=(),
)

ORL_FACES = Archive(
    name="orl-faces",
    hashes={"att_faces.tar.gz": "e08d3b771d4c7f235ef33541f8e5836b45450a6895f592dcab034ec22ad3a926"},
    mirrors=(),  # upstream offers the same pictures packed otherwise
)

MOVIELENS = Archive(
    name="ml-latest-small",
    hashes={
        "ratings.csv": "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
        "movies.csv": "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
    },
    mirrors=(),  # upstream offers them packed, in a set that it may change: grouplens.org/datasets/movielens
)


def home() -> Path:
    """The folder that NEURARIUM_DATA names, else the cache folder that the operating system gives this user."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import pooch

    return Path(pooch.os_cache("neurarium"))


def fetch(archive: Archive) -> dict[str, Path]:
    """File name -> path of every file of the archive: found at home, or downloaded to there.

    Raises UserError for a file at home with a wrong hash, and when no mirror gives a missing file.
    """
    folder = home() / archive.name
    return {name: _one(archive, name, folder / name) for name in archive.hashes}


def cached(archive: Archive, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What `make` gives of an archive, kept in the user's cache, so that decoding is done once a machine.

    The file bears the archive's hashes, so that other files are decoded anew. A cache that cannot be written to is
    done without.
    """
    import pooch

    key = hashlib.sha256("".join(archive.hashes.values()).encode()).hexdigest()[:12]
    path = Path(pooch.os_cache("neurarium")) / f"{archive.name}-{name}-{key}.npy"
    try:
        return np.asarray(np.load(path))
    except (OSError, ValueError, EOFError):
        values = make()
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            np.save(file, values)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
    return values


def _one(archive: Archive, name: str, path: Path) -> Path:
    expected = archive.hashes[name]
    if path.exists():
        try:
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise UserError(
                f"{path}: expected a file that can be read: {error.strerror}. Check path and rights."
            ) from error
        if found != expected:
            raise UserError(
                f"{path}: expected SHA-256 {expected}, found {found}. Delete the file so that it is fetched again."
            )
        return path
    return _download(archive, name, path)


def _download(archive: Archive, name: str, path: Path) -> Path:
    import pooch

    failures = []
    for mirror in archive.mirrors:
        try:
            # pooch checks the hash before it moves the file to its place, so that no half file is ever left there.
            return Path(
                pooch.retrieve(
                    f"{mirror}/{name}",
                    known_hash=f"sha256:{archive.hashes[name]}",
                    fname=name,
                    path=path.parent,
                    downloader=pooch.HTTPDownloader(timeout=TIMEOUT),
                )
            )
        except (OSError, ValueError) as error:  # OSError: the net, or the disk; ValueError: a wrong hash
            failures.append(f"  {mirror}/{name}: {_short(error)}")
    files = ", ".join(archive.hashes)
    raise UserError(
        f"Expected {name} of {archive.name} in {path.parent}, where it is not, and no mirror gave it:\n"
        + "\n".join(failures)
        + f"\nPut the files {files} into {path.parent} by hand, or set {VARIABLE} to the folder that holds "
        f"{archive.name}/ with them."
    )


def _short(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0][:200] if lines else type(error).__name__
