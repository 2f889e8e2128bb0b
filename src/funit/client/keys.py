"""The API key that the client sends."""

from funit.client.connection import Answer, Connection


class Key(Answer):
    """An API key, and what it may do."""

    name: str
    """`anyone` where the service needs no keys."""
    scopes: tuple[str, ...]


class Keys(Connection):
    """What the service thinks of the client's key."""

    def own_key(self) -> Key:
        """The name of the client's key and what it may do; UserError where it is not known."""
        return self._one(Key, "GET", "/v1/keys/own")
