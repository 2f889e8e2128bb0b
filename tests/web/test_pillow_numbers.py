"""The numbers that the page's own tests trust."""

import json

from pillow_numbers import FILE, numbers


def test_they_are_what_pillow_makes() -> None:
    assert json.loads(FILE.read_text()) == numbers()
