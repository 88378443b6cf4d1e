"""How a system learns: the contracts (Task, Data, Recipe), Mean, Stepper, schedules, rehearsal and `fit`.

Nothing is imported here, so that recipes and the command line can use `neurarium.train.recipe` without loading torch.
"""
