"""Every check of arrays finds what was planted, names its place, and finds nothing else."""

from __future__ import annotations

import pytest
import torch

from neurarium.data.audit import audit_splits
from neurarium.train.batches import Labelled, LabelledSequences
from neurarium.train.data import Spec

SPEC = Spec((3,), classes=("a", "b", "c"))


def split(num: int, start: int = 0, labels: int = 3) -> Labelled:
    generator = torch.Generator().manual_seed(start)
    return Labelled(torch.randn(num, 3, generator=generator), torch.arange(num) % labels)


def audit(train, test=None, spec=SPEC):
    return audit_splits({"train": train, "test": split(10, start=1) if test is None else test}, spec, name="set")


def test_clean_arrays_pass():
    assert audit(split(30)) == []


@pytest.mark.parametrize(("label", "text"), [(3, "3"), (-1, "-1"), (99, "99")])
@pytest.mark.parametrize("where", ["train", "test"])
def test_labels_out_of_range(label, text, where):
    parts = {"train": split(30), "test": split(10, start=1)}
    parts[where].y[7] = label
    (finding,) = audit(**parts)
    assert finding.severity == "error"
    assert finding.where == f"set, {where}, item 7"
    assert finding.what == f"expected labels 0 to 2, found 1 others, the first of them {text}."


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite(value):
    train = split(30)
    train.x[4, 2] = train.x[9, 0] = value
    (finding,) = audit(train)
    assert (finding.severity, finding.where) == ("error", "set, train, item 4")
    assert "found NaN or infinity in 2 items" in finding.what
    real = Labelled(split(20).x, torch.randn(20))
    real.y[3] = value
    (finding,) = audit(real, split(5, start=1), Spec((3,)))
    assert "finite numbers in y" in finding.what


def test_single_and_missing_classes():
    alone = split(30)
    alone.y.fill_(1)
    (finding,) = audit(alone)
    assert (finding.severity, finding.where) == ("error", "set, train")
    assert "found 'b' alone" in finding.what
    (finding,) = audit(split(30, labels=2))
    assert finding.severity == "warning"
    assert "no item of 'c'" in finding.what


def test_imbalance_is_warned_of_from_twenty_to_one():
    def uneven(many):
        x = torch.randn(many + 20, 3)
        return Labelled(x, torch.tensor([0] * many + [1] * 10 + [2] * 10))

    assert audit(uneven(200)) == []
    (finding,) = audit(uneven(201))
    assert finding.severity == "warning"
    assert "201 items of 'a' and 10 of 'b'" in finding.what


def test_constant_inputs():
    train = split(30)
    train.x[:, 1] = 5
    (finding,) = audit(train)
    assert finding.severity == "warning"
    assert "input 1 is 5 in every item" in finding.what
    train.x[:] = 1
    assert [finding.severity for finding in audit(train)] == ["error"]


def test_copies_across_splits():
    train, test = split(30), split(10, start=1)
    test.x[2] = train.x[21]
    test.x[5] = train.x[21]
    test.x[6] = test.x[7]  # copies within a split are left alone
    (finding,) = audit(train, test)
    assert (finding.severity, finding.where) == ("warning", "set, test, item 2")
    assert finding.what == "2 of 10 items of test are in train too; this one is set, train, item 21."


@pytest.mark.parametrize(("copies", "warned"), [(2, False), (3, True)])
def test_few_copies_between_large_splits_move_no_result(copies, warned):
    train, test = split(3000), split(2000, start=1)
    test.x[:copies] = train.x[:copies]
    assert bool(audit(train, test)) == warned  # from one in a thousand of the smaller split on


@pytest.mark.parametrize("labels", [torch.full((30,), float("nan")), torch.zeros(30, 3, dtype=torch.int64)])
def test_labels_that_are_no_class_numbers(labels):
    findings = audit(Labelled(split(30).x, labels))
    assert any("expected whole class numbers (N,)" in finding.what for finding in findings)
    assert all(finding.severity == "error" for finding in findings)


def test_sequences_are_told_apart_by_their_lengths():
    x = torch.zeros(4, 5, dtype=torch.int32)
    train = LabelledSequences(x, torch.tensor([1, 2, 3, 4]), torch.tensor([0, 1, 2, 0]))
    train.x[0, 0] = 1
    other = LabelledSequences(x.clone(), torch.tensor([5, 5, 5, 5]), torch.tensor([0, 1, 2, 0]))
    assert audit(train, other) == []
    other.lengths[1] = 3
    (finding,) = audit(train, other)
    assert finding.where == "set, test, item 1"
    assert "set, train, item 2" in finding.what
