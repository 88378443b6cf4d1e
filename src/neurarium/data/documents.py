"""Labelled texts as whole numbers in memory."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurarium.data.corpora import KNOWN, Corpus, from_folder, from_table, read_text
from neurarium.data.memory import InMemory
from neurarium.data.recut import takes_fewer
from neurarium.data.table_files import read_table
from neurarium.data.tokenisers import Tokeniser
from neurarium.train.batches import Labelled
from neurarium.train.data import Spec
from neurarium.train.recipe import UserError, near

TABLES = (".csv", ".tsv", ".parquet")


class Documents(InMemory):
    """Resident texts. texts: split -> what was read, before it became numbers; for models that count words."""

    def __init__(self, texts: Mapping[str, list[str]], *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.texts = texts


@takes_fewer
def open_documents(
    name: str,
    *,
    batch_size: int,
    unit: str,
    length: int = 0,
    vocabulary_size: int = 20_000,
    target: str = "",
    text: str = "",
    shift: int = 0,
    seed: int = 0,
) -> InMemory:
    """Labelled texts with the splits train, validation and test.

    name: ag-news (7,600 articles of four classes, 6,000 of them to train with), topics (generated), the path of a
        .csv, .tsv or .parquet table with `target`, the column of classes, and `text`, the column of texts; or the path
        of a folder of .txt files by class. NAME:N takes N of the training texts. Tables and folders are cut by `seed`:
        70 % to train with, 15 % validation, 15 % test, each class in its share.
    shift: training texts begin up to so many places later, drawn anew for each step; what no longer fits is left out.
    unit, length, vocabulary_size: how texts become numbers, see `Tokeniser.fit`; it sees training texts alone.

    x: (N, length) uint8 or int32, padded with 0. y: (N,) int64. `spec.vocabulary` holds the tokens by number, and
    `spec.fitted` kind "documents", unit, length, and text, the column of a table.
    Raises UserError for everything that the user can mend.
    """
    corpus = _corpus(name, target=target, text=text, seed=seed)

    def build(rows: Mapping[str, np.ndarray]) -> InMemory:
        texts = {split: [corpus.texts[row] for row in part] for split, part in rows.items()}
        tokeniser = Tokeniser.fit(unit, texts["train"], length=length, most=vocabulary_size)
        y = torch.from_numpy(corpus.labels)
        parts = {split: Labelled(tokeniser.encode(texts[split]), y[part]) for split, part in rows.items()}
        spec = Spec(
            shape=(tokeniser.length,),
            sizes={split: len(part) for split, part in rows.items()},
            classes=corpus.classes,
            vocabulary=tokeniser.vocabulary,
            fitted={"kind": "documents", "unit": unit, "length": tokeniser.length, "text": corpus.column},
        )
        places = {split: [corpus.places[row] for row in part] for split, part in rows.items()} if corpus.places else {}
        return Documents(
            texts,
            parts,
            spec,
            batch_size=batch_size,
            augment=partial(shifted, most=shift) if shift else None,
            findings=corpus.findings,
            name=Path(name).name,
            places=places,
            rows=rows,
            refit=build,
        )

    return build(corpus.rows)


def shifted(batch: Labelled, generator: torch.Generator, *, most: int) -> Labelled:
    """Each row of x (B, T) moved by 0 to `most` places towards its end, with zeros before it."""
    x = batch.x
    places = torch.arange(x.shape[1], device=x.device) - torch.randint(
        most + 1, (len(x), 1), generator=generator, device=x.device
    )
    return Labelled(x.gather(1, places.clamp(min=0)).masked_fill(places < 0, 0), batch.y)


def _corpus(name: str, *, target: str, text: str, seed: int) -> Corpus:
    path = Path(name).expanduser()
    table = name not in KNOWN and path.is_file() and path.suffix.lower() in TABLES
    given = {"target": target, "text": text}
    ignored = [key for key, value in given.items() if value and not table]
    if ignored and (name in KNOWN or path.exists()):
        raise UserError(f"{name} is no table, so that --{ignored[0]} would be ignored. Leave it out.")
    if name in KNOWN:
        return KNOWN[name](seed)
    if table:
        return from_table(path, target=target, text=text, seed=seed)
    if path.is_dir():
        return from_folder(path, seed=seed)
    raise UserError(
        f"Expected one of the texts {', '.join(KNOWN)}, the path of a table ({', '.join(TABLES)}) or of a folder of "
        f".txt files by class; {name!r} is none, seen from {Path.cwd()}.{near(name, KNOWN)}"
    )


def read_documents(spec: Spec, path: Path) -> tuple[list[str], Tensor]:
    """Names (N) and codes (N, length) of a user's texts: a .txt file, a folder of them, or a table with the column of
    texts that the run was trained on, or with a single column."""
    tokeniser = Tokeniser.of(spec)
    if path.suffix.lower() in TABLES:
        table = read_table(path)
        name = spec.fitted["text"] if spec.fitted["text"] in table.columns else ""
        if not name and len(table.columns) > 1:
            raise UserError(
                f"{path}: expected the column {spec.fitted['text'] or 'of texts'!r}, found "
                f"{', '.join(table.columns)}. Name it so, or leave the others out."
            )
        texts = [str(value or "") for value in table.columns[name or next(iter(table.columns))].to_list()]
        return [table.mark(row) for row in range(table.num_rows)], tokeniser.encode(texts)
    files = sorted(path.glob("**/*.txt")) if path.is_dir() else [path]
    if not files or not path.exists():
        raise UserError(f"{path}: expected a .txt file, a folder of them or a table of texts, found none. Check it.")
    return [file.name for file in files], tokeniser.encode([read_text(file) for file in files])
