"""Tests: unit (mirrors src), contracts (over everything), golden, recipes, oracles."""
