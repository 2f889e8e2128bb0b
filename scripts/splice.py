"""Blocks of the docs that scripts write: between `<!-- NAME -->` and `<!-- /NAME -->`."""


def spliced(page: str, name: str, content: str) -> str:
    """The page with this content in the block of that name, which it must have."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = page.partition(begin)
    _, ended, after = rest.partition(end)
    assert found, f"no {begin}"
    assert ended, f"no {end}"
    lines = content.strip("\n")  # not the spaces that make the first line code
    return f"{before}{begin}\n\n{lines}\n\n{end}{after}"
