"""The local page: a server over the folder of runs, and its static files."""
