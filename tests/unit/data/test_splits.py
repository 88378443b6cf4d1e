"""Splits are whole, disjoint, of the sizes asked for, and with every class in its share."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from neurarium.data.splits import permutation_split, stratified_split


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=200),
    st.tuples(st.floats(0, 0.4), st.floats(0, 0.4)),
    st.integers(0, 5),
)
def test_splits_are_disjoint_whole_and_stratified(labels, held, seed):
    shares = {"train": 1 - sum(held), "validation": held[0], "test": held[1]}
    labels = np.array(labels)
    for rows in (stratified_split(labels, shares, seed=seed), permutation_split(len(labels), shares, seed=seed)):
        assert sorted(np.concatenate(list(rows.values())).tolist()) == list(range(len(labels)))
        for split, share in shares.items():
            assert abs(len(rows[split]) - share * len(labels)) <= 1
    rows = stratified_split(labels, shares, seed=seed)
    for split in shares:
        for label in np.unique(labels):
            expected = len(rows[split]) / len(labels) * (labels == label).sum()
            assert abs((labels[rows[split]] == label).sum() - expected) <= 2 + len(np.unique(labels))
    again = stratified_split(labels, shares, seed=seed)
    assert all((rows[split] == again[split]).all() for split in shares)
