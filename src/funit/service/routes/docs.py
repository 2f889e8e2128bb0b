"""A page for people, made of the OpenAPI description: it loads nothing, from nowhere."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem 1rem .2rem 0;text-align:left;"
    "vertical-align:top}h2{margin-top:2rem}h3{font:600 1rem ui-monospace,monospace}"
)
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()


@router.get("/docs", response_class=HTMLResponse)
async def docs(request: Request) -> HTMLResponse:
    """Every route with what it takes and answers."""
    policy = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"
    return HTMLResponse(_page(request.app.openapi()), headers={"Content-Security-Policy": policy})


def _page(schema: Mapping[str, Any]) -> str:
    about = schema["info"]
    operations = [
        _operation(method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(about['title'])}</title>"
        f"<style>{_STYLE}</style><h1>{escape(about['title'])} {escape(about['version'])}</h1>"
        f"<p>{escape(about['description'])}</p>"
        '<p>All of it, for programs: <a href="openapi.json">openapi.json</a></p>'
        + "".join(operations)
        + "</html>"
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    takes = [
        (parameter["name"], parameter["in"], parameter.get("description", ""))
        for parameter in operation.get("parameters", [])
    ]
    takes += [("body", kind, "") for kind in operation.get("requestBody", {}).get("content", {})]
    answers = [
        (status, ", ".join(answer.get("content", {})), answer["description"])
        for status, answer in operation["responses"].items()
    ]
    return (
        f"<h3>{method.upper()} {escape(path)}</h3><p>{escape(operation.get('summary', ''))}. "
        f"{escape(operation.get('description', ''))}</p>{_table(takes)}{_table(answers)}"
    )


def _table(rows: list[tuple[str, str, str]]) -> str:
    cells = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows]
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>" if rows else ""
