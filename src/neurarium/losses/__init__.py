"""Pure functions from outputs and targets to one value per item; each docstring states the formula."""
