"""The OpenAPI description, made complete: every error that any route may answer with, by example.

FastAPI knows what the functions of the routes say. What stands before them - keys, limits, the
handler of errors - it does not know, and its own shape of a validation error is not ours.
"""

from http import HTTPStatus
from typing import Any

from funit.service.errors import ErrorBody, UnexpectedBody

_ERRORS = {  # status -> description, error, hint
    400: (
        "What was sent cannot be used",
        "`cat.png` is not an image",
        "JPEG, PNG, WebP, BMP and GIF are read",
    ),
    401: (
        "No API key that is known",
        "no API key is given",
        "send `Authorization: Bearer KEY`; `funit keys create` makes one",
    ),
    403: (
        "The key may not do this, or a stranger's page asks",
        "the key `ada` may not do this: it has no scope `train`",
        "`funit keys create --scope train` makes one that may",
    ),
    404: ("It is not there", "no model is called `cats`", "`funit models list` shows them"),
    408: ("The client stopped sending", "nothing came for 60 seconds", "send it again"),
    409: ("It contradicts what is there", "there is a data set `cats`", "give another name"),
    413: (
        "More bytes, pixels or pictures than allowed",
        "the request has more than 20 MiB",
        "send less in one request",
    ),
    422: (
        "A field is missing, or not what it should be",
        "`body.content`: Field required",
        "see /docs for what the route takes",
    ),
    429: (
        "Too many requests",
        "the key `ada` has more than 600 requests a minute",
        "try again in 3 seconds",
    ),
    500: (
        "A mistake of the service",
        "the service made a mistake",
        "its log says more under this request id",
    ),
    503: ("No room now, or not ready", "the database does not answer", "try again later"),
    504: ("It took longer than allowed", "the translation took over 30 seconds", "try again"),
}
_EVERY = (403, 429, 500, 503)
_TAKING = (400, 422)  # of a route that takes anything
_READING = (408, 413)  # of a route that reads a body
_HEADERS: dict[str, Any] = {
    "X-Request-ID": {
        "description": "Of the request: the one that was sent, or a new one; the log has it, too.",
        "schema": {"type": "string"},
        "example": "9f86d081884c7d65",
    },
    "Retry-After": {
        "description": "After how many seconds to try again.",
        "schema": {"type": "string"},
        "example": "3",
    },
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """The description with every error of every route; it is changed in place, and given back."""
    components = schema.setdefault("components", {})
    components["headers"] = _HEADERS
    schemas = components.setdefault("schemas", {})
    for model in (ErrorBody, UnexpectedBody):
        schemas[model.__name__] = model.model_json_schema()
    for foreign in ("HTTPValidationError", "ValidationError"):
        schemas.pop(foreign, None)
    for methods in schema["paths"].values():
        for operation in methods.values():
            _complete_operation(operation)
    return schema


def _complete_operation(operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    expected = set(_EVERY)
    if operation.get("security"):
        expected.add(401)
    if operation.get("requestBody"):
        expected.update(_TAKING, _READING)
    if operation.get("parameters"):
        expected.update(_TAKING)
    expected.update(int(status) for status in answers if status.isdecimal() and status >= "4")
    for status in sorted(expected):
        answers[str(status)] = _error(status, answers.get(str(status), {}).get("description", ""))
    for status, answer in answers.items():
        headers = answer.setdefault("headers", {})
        headers["X-Request-ID"] = {"$ref": "#/components/headers/X-Request-ID"}
        if status == "429":
            headers["Retry-After"] = {"$ref": "#/components/headers/Retry-After"}
    operation["responses"] = dict(sorted(answers.items()))


def _error(status: int, described: str) -> dict[str, Any]:
    """An error of a route; what the route says of it comes before what we say of the status."""
    stock = HTTPStatus(status).phrase  # FastAPI's word where the route said nothing
    about, error, hint = _ERRORS.get(status, (stock, stock.lower(), ""))
    model = UnexpectedBody if status == 500 else ErrorBody
    example = {"error": error, "hint": hint}
    if model is UnexpectedBody:
        example["request_id"] = "9f86d081884c7d65"
    return {
        "description": about if described in ("", stock) else described,
        "content": {
            "application/json": {
                "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
                "example": example,
            }
        },
    }
