"""What is kept: a run's directory, written and read; reading needs no torch."""
