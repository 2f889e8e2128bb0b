"""Writes docs/settings.md and the table in docs/service.md; tests hold them to the code."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from splice import spliced

from funit.config import (
    RESUMABLE,
    Config,
    Section,
    build_config,
    flat,
    merged,
    preset,
    setting_names,
)

PAGE = Path(__file__).parent.parent / "docs" / "settings.md"
SERVICE_PAGE = PAGE.with_name("service.md")

HEAD = """\
# Settings

<!-- `make docs` writes this page from src/funit/config.py: change the captions there. -->

A run's settings are a preset, then a YAML or JSON file (`--config FILE`), then
`--set PART.NAME=VALUE` (a YAML value; give it as often as needed), each over the one before. Every
run folder and every model holds its full settings, as `config.yaml` or in `model.json`. An unknown
name is an error that offers the nearest one.

The default of every setting is the paper's, so the preset `paper` changes nothing. An empty cell
under another preset means the same value. **↻** marks what may differ when a run goes on; any other
change needs a new run.
"""


def settings_page() -> str:
    """The whole page."""
    paper, others = _values("paper"), [_values("small"), _values("light")]
    captions = setting_names()
    lines = [HEAD]
    for part, section in Config.model_fields.items():
        lines += [f"## `{part}`", "", (section.annotation.__doc__ or "").strip(), ""]
        lines += [
            "| setting | `paper` | `small` | `light` | meaning |",
            "|---|---|---|---|---|",
        ]
        for name, field in section.annotation.model_fields.items():
            full = f"{part}.{name}"
            own = ["" if each[full] == paper[full] else _cell(each[full]) for each in others]
            default = "counted" if full == "model.num_classes" else _cell(paper[full])
            caption = captions[full] + _choices(field.annotation)
            mark = " ↻" if full in RESUMABLE else ""
            lines.append(f"| `{full}`{mark} | {default} | {' | '.join(own)} | {caption} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def service_page() -> str:
    """The page of the service, with the table of its settings."""
    from funit.service.settings import ServiceSettings  # its extra need not be installed for ours

    page = SERVICE_PAGE.read_text(encoding="utf-8")
    head = ["| setting | default | meaning |", "|---|---|---|"]
    rows = [
        f"| `{name}` | {default} | {meaning} |" for name, default, meaning in _rows(ServiceSettings)
    ]
    return spliced(page, "settings", "\n".join([*head, *rows]))


def _rows(section: type[Section], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Each setting with its default and its caption; those of a part after the others."""
    parts = []
    for name, field in section.model_fields.items():
        if isinstance(field.default, Section):
            parts.append((type(field.default), f"{name}."))
            continue
        if field.is_required():
            default = "in `$FUNIT_HOME`"
        else:
            value = list(field.default) if isinstance(field.default, tuple) else field.default
            default = _cell(value) or "none"
        caption = " ".join((field.description or "").split()) + _choices(field.annotation)
        yield prefix + name, default, caption
    for part, inner in parts:
        yield from _rows(part, prefix + inner)


def _values(name: str) -> dict[str, Any]:
    # the number of classes is the data's; any will do here
    return flat(build_config(merged(preset(name), {"model": {"num_classes": 2}})))


def _cell(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float) and value >= 1000:
        return f"{value:,.0f}"
    if isinstance(value, float):
        return f"{value:g}"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _choices(annotation: Any) -> str:
    if get_origin(annotation) is not Literal:
        return ""
    return " One of " + ", ".join(f"`{choice}`" for choice in get_args(annotation)) + "."


if __name__ == "__main__":
    PAGE.write_text(settings_page(), encoding="utf-8")
    SERVICE_PAGE.write_text(service_page(), encoding="utf-8")
    print(PAGE, SERVICE_PAGE, sep="\n")
