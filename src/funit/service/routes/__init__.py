"""The routes: one file for each plural noun in the paths."""
