"""What every recipe keeps to."""

from __future__ import annotations

import ast
import inspect
import json
import sys
from dataclasses import MISSING, asdict, fields
from itertools import pairwise
from pathlib import Path

import pytest

from neurarium.recipes import CATALOGUE
from neurarium.recipes.find import fill, find
from neurarium.train.launch import from_json
from neurarium.train.recipe import Recipe

KINDS = pytest.mark.parametrize("name", CATALOGUE)


def tree(kind: type[Recipe]) -> ast.Module:
    return ast.parse(Path(inspect.getfile(kind)).read_text())


@KINDS
def test_fields_are_few_known_and_explained(name: str) -> None:
    kind = CATALOGUE[name]
    assert kind.name == name
    assert find(name) is kind
    assert len(fields(kind)) <= 15
    assert all(field.default is not MISSING for field in fields(kind))
    body = next(node for node in tree(kind).body if isinstance(node, ast.ClassDef)).body
    own = [field.name for field in fields(kind)]
    for statement, follower in pairwise(body):
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") in own:
            explained = isinstance(follower, ast.Expr) and isinstance(follower.value, ast.Constant)
            assert explained, f"{name}: {ast.unparse(statement.target)} has no docstring"
    assert kind.tiny.keys() <= set(own)
    assert kind.__doc__
    assert f"neurarium train {name}" in kind.__doc__
    for claim in kind.claims:
        assert dict(claim.knobs).keys() <= set(own)


@KINDS
def test_module_imports_the_standard_library_and_the_contract_alone(name: str) -> None:
    """Besides them a base that recipes share, which keeps to the same."""
    kind = CATALOGUE[name]
    homes = {base.__module__ for base in kind.__mro__ if base.__module__.startswith("neurarium.recipes.")}
    shared = sorted(homes - {kind.__module__})
    bases = [ast.parse(inspect.getsource(sys.modules[home])) for home in shared]
    allowed = {"neurarium.train.recipe", *shared}
    for node in [node for module in (tree(kind), *bases) for node in module.body]:
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            for module in modules:
                assert module in allowed or module.split(".")[0] in sys.stdlib_module_names


@KINDS
def test_fields_survive_json(name: str) -> None:
    recipe = fill(CATALOGUE[name], CATALOGUE[name].tiny)
    assert from_json(type(recipe), json.loads(json.dumps(asdict(recipe)))) == recipe
