"""What a system is compared with: classical models with `fit` and `predict`."""
