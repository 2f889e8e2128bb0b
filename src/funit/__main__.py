"""`python -m funit` is the command `funit`."""

from funit.cli import main

main()
