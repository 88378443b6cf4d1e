"""Choosing among many runs of a recipe: cross-validation, hyper-parameters, architectures."""
