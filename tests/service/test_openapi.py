"""The description of the service: nothing is left out, and it is true."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from funit.service.app import create_app
from funit.service.services import Services

METHODS = {"get", "put", "post", "patch", "delete"}
NUM_EXAMPLES = 12  # of each operation: all of them in less than a minute
CHECKS = [
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture
def schema(client: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = client.get("/openapi.json").json()
    return described


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            assert method in METHODS
            yield f"{method.upper()} {path}", operation


def test_every_operation_says_what_it_is_for_and_has_a_name_of_its_own(
    schema: dict[str, Any],
) -> None:
    ids = [operation["operationId"] for _, operation in operations(schema)]

    assert len(ids) == len(set(ids))
    for name, operation in operations(schema):
        assert operation.get("summary"), name
        assert operation.get("description"), name
        assert operation.get("tags"), name


def test_every_error_has_the_one_shape_and_an_example(schema: dict[str, Any]) -> None:
    for name, operation in operations(schema):
        errors = {s: a for s, a in operation["responses"].items() if s[0] in "45"}
        assert {"403", "429", "500", "503"} <= errors.keys(), name
        for status, answer in errors.items():
            content = answer["content"]["application/json"]
            model = "UnexpectedBody" if status == "500" else "ErrorBody"
            assert content["schema"] == {"$ref": f"#/components/schemas/{model}"}, name
            assert {"error", "hint"} <= content["example"].keys(), name
        if operation.get("security"):
            assert "401" in errors, name
        if operation.get("requestBody"):
            assert {"413", "422"} <= errors.keys(), name


def test_everything_that_is_referred_to_is_there(schema: dict[str, Any]) -> None:
    for path in re.findall(r"'\$ref': '#/([^']+)'", str(schema)):
        found: Any = schema
        for word in path.split("/"):
            found = found[word]


def test_the_page_of_docs_names_every_route_and_loads_nothing(
    client: TestClient, schema: dict[str, Any]
) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert "http" not in page.text
    assert "<script" not in page.text
    for name, _ in operations(schema):
        assert name in page.text


@pytest.mark.parametrize("mode", schemathesis.GenerationMode)
def test_the_service_answers_anything_as_it_says(
    services: Services, mode: schemathesis.GenerationMode
) -> None:
    """What is described (positive), and what is not (negative)."""
    api = schemathesis.openapi.from_asgi("/openapi.json", create_app(services))

    for result in api.get_all_operations():
        operation = result.ok()
        if mode.is_negative and not (operation.body or list(operation.iter_parameters())):
            continue  # what takes nothing cannot be given anything wrong

        @settings(
            max_examples=NUM_EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def answers_as_it_says(case: schemathesis.Case) -> None:
            response = case.call()
            assert response.status_code != 500, response.text
            case.validate_response(response, checks=CHECKS)

        answers_as_it_says()
