"""Codes are kept until there are too many, or too large ones."""

from funit.service.code_cache import CodeCache


def test_what_was_not_asked_for_in_the_longest_time_goes_first() -> None:
    cache: CodeCache[str] = CodeCache(2, 100)

    cache.put("a", "A", 1)
    cache.put("b", "B", 1)
    assert cache.get("a") == "A"
    cache.put("c", "C", 1)

    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("A", None, "C")


def test_bytes_are_limited_as_numbers_are() -> None:
    cache: CodeCache[str] = CodeCache(10, 100)

    cache.put("a", "A", 60)
    cache.put("a", "A", 40)
    cache.put("b", "B", 60)
    assert (cache.get("a"), cache.num_bytes) == ("A", 100)

    cache.put("c", "C", 50)
    assert (cache.get("b"), cache.get("c"), cache.num_bytes) == (None, "C", 90)
    cache.put("d", "D", 101)
    assert (len(cache), cache.num_bytes) == (0, 0)
