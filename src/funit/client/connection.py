"""How the client asks: one connection, answers as frozen objects, refusals as UserError."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, ValidationError

from funit.errors import ConflictError, LimitError, NotThereError, UserError
from funit.home import whole_file

try:
    import httpx2
except ImportError:
    raise UserError(
        "`httpx2` is not installed", hint="`pip install 'funit[serve]'` brings it"
    ) from None

DEFAULT_URL = "http://127.0.0.1:8000"

_PASSING = frozenset({502, 503, 504})  # of a proxy too, while the service starts anew
_STRANGE = "it answers as no service of this version does"


class AbsentError(UserError):
    """Nobody answers now; later somebody may."""


_ERRORS = {
    404: NotThereError,
    409: ConflictError,
    413: LimitError,
    **dict.fromkeys(_PASSING, AbsentError),
}


class Answer(BaseModel):
    """What a service told; a newer service may tell more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


A = TypeVar("A", bound=Answer)


class Connection:
    """A service at an address; every error that it answers with is a UserError."""

    def __init__(
        self,
        url: str = DEFAULT_URL,
        key: str | None = None,
        *,
        model: str | None = None,
        timeout: float = 60.0,
    ) -> None:
        """`key` is `$FUNIT_KEY` where none is given; `model` is the one of every call.

        `timeout`, in seconds, is that of an answer, and of each piece that is sent; what takes in
        or gives out whole data sets and models may take longer to answer.
        """
        self.model, self.timeout = model, timeout
        key = key or os.environ.get("FUNIT_KEY")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx2.Client(base_url=url, headers=headers, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def _answer(self, method: str, path: str, **given: Any) -> httpx2.Response:
        with self._told():
            answer = self._http.request(method, path, **given)
        if answer.is_success:
            return answer
        raise error_of(answer)

    def _json(self, method: str, path: str, **given: Any) -> Any:
        answer = self._answer(method, path, **given)
        try:
            return answer.json()
        except ValueError:
            raise UserError(f"`{answer.url}`: {_STRANGE}", hint="check the address") from None

    def _one(self, kind: type[A], method: str, path: str, **given: Any) -> A:
        return read(kind, self._json(method, path, **given))

    def _save(self, path: str, out: str | Path, force: bool, **params: Any) -> Path:
        """Writes what is answered to a file, in one piece."""
        target = Path(out)
        if target.exists() and not force:
            raise UserError(f"`{target}` exists", hint="`force=True` replaces it")
        slow = self._patient()
        with (
            whole_file(target) as temporary,
            self._told(),
            self._http.stream("GET", path, params=params, timeout=slow) as answer,
        ):
            if not answer.is_success:
                answer.read()
                raise error_of(answer)
            with temporary.open("wb") as file:
                for block in answer.iter_bytes():
                    file.write(block)
        return target

    def _patient(self) -> httpx2.Timeout:
        """For what takes as long as it takes, once it is sent."""
        return httpx2.Timeout(self.timeout, read=None)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What breaks on the way is an AbsentError."""
        try:
            yield
        except httpx2.HTTPError as error:
            raise AbsentError(
                f"`{self._http.base_url}` does not answer: {error or type(error).__name__}",
                hint="check the address, and that `funit serve` runs there",
            ) from None


def read(kind: type[A], body: Any) -> A:
    """An answer, as what it should be; raises UserError where it is something else."""
    try:
        return kind.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise UserError(
            f"{_STRANGE}: `{field}`: {first['msg']}",
            hint="check the address, and that service and client are of one version",
        ) from None


def error_of(answer: httpx2.Response) -> UserError:
    """What a refusal says."""
    kind = _ERRORS.get(answer.status_code, UserError)
    try:
        body = answer.json()
        return kind(body["error"], hint=body["hint"])
    except (ValueError, KeyError, TypeError):  # something between answered, and no funit
        text = answer.text.strip()[:200]
        return kind(f"the service answers {answer.status_code}: {text}", hint="check the address")


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def word(text: str) -> str:
    """A name as one part of a path, whatever is in it."""
    return quote(text, safe="")
