from __future__ import annotations

import doctest

import numpy as np
import pytest

from qmtestbed.measuring import binning
from qmtestbed.measuring.binning import equal_mass_edges, equal_width_edges, into_bins


def test_examples_in_docstrings():
    assert doctest.testmod(binning).failed == 0


def test_an_edge_belongs_to_the_bin_below_it():
    edges = equal_width_edges(5)
    assert into_bins([0.0, 0.1, 0.2, 0.20001, 0.4, 0.6, 0.8, 1.0], edges).tolist() == [0, 0, 0, 1, 1, 2, 3, 4]
    assert into_bins([0.0, 0.5, 1.0], equal_width_edges(1)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("bins", [1, 3, 7])
def test_bins_of_equal_mass(bins):
    rng = np.random.default_rng(bins)
    x = rng.random(210)
    rows = np.bincount(into_bins(x, equal_mass_edges(x, bins)), minlength=bins)
    assert rows.tolist() == [210 // bins] * bins


@pytest.mark.parametrize("seed", range(5))
def test_equal_values_are_in_one_bin_and_no_bin_is_empty(seed):
    rng = np.random.default_rng(seed)
    x = np.round(rng.beta(3, 1, size=100), 1)
    edges = equal_mass_edges(x, 10)
    assert edges[0] == 0 and edges[-1] == 1 and (np.diff(edges) > 0).all()
    assert (np.bincount(into_bins(x, edges), minlength=len(edges) - 1) > 0).all()


@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_one_value_is_one_bin(value):
    assert equal_mass_edges([value] * 5, 4).tolist() == [0.0, 1.0]


def test_no_bins_are_refused():
    for edges in (lambda: equal_width_edges(0), lambda: equal_mass_edges([0.5], 0)):
        with pytest.raises(ValueError, match="there must be a bin"):
            edges()
