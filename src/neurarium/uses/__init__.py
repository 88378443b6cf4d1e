"""What is done with a system: a run opened, samples and codes, search by example, what it is made of.

Nothing is imported here, so that the command line starts without loading torch.
"""
