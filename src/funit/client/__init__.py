"""A service of funit from Python: one file for each part of what it answers."""
