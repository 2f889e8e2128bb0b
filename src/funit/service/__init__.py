"""Translations, models, data sets and training jobs behind HTTP. Needs the extra `serve`."""
