"""Every error is an answer of one shape."""

from fastapi.testclient import TestClient


def test_a_route_that_is_not_there_answers_with_a_hint(client: TestClient) -> None:
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert answer.json() == {"error": "Not Found", "hint": "see /docs for the routes"}
