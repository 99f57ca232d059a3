"""A question's body, as Markdown that can do no harm: no HTML of its own, no links, no pictures."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from markupsafe import Markup

from aimylogic_provider.airflow_task.masked_fields import masked_phones

__all__ = ["shown_body"]

_RULES = ["emphasis", "list", "table", "backticks", "heading", "newline", "escape", "fence", "blockquote"]
_MOMENT = re.compile(r"\b([0-9]{4}-[0-9]{2}-[0-9]{2}) ([0-9]{2}:[0-9]{2}) UTC\b")
"""A time, as questions write it."""
_LONGEST = 20_000
"""Characters; what is longer is cut, and says so."""


def shown_body(body: str, *, masked: bool) -> Markup:
    """Return it for a page; as plain text, if this Airflow has no Markdown.

    :param masked: whether whatever could be a phone is masked, as are jobs' ids then: a task masks phones by itself,
        but a DAG may have words of its own
    """
    text = body if len(body) <= _LONGEST else f"{body[:_LONGEST]}\n\n… the rest: see the task's page"
    text = masked_phones(text) if masked else text
    renderer = _renderer()
    plain = Markup('<div class="plain">{}</div>')
    made = str(plain.format(text)) if renderer is None else renderer.render(text)
    # Safe: without its rule, the parser takes HTML for text, and escapes it. Times are for the page's script, which
    # writes them in the reader's own zone.
    return Markup(_MOMENT.sub(r'<time datetime="\1T\2Z">\1 \2 UTC</time>', made))  # noqa: S704


@cache
def _renderer() -> Any:
    try:
        from markdown_it import MarkdownIt  # of rich, which Airflow brings
    except ImportError:
        return None
    made = MarkdownIt("zero").enable(_RULES)
    made.add_render_rule("th_open", _without_style)
    made.add_render_rule("td_open", _without_style)
    return made


def _without_style(renderer: Any, tokens: Any, index: int, *_: object) -> str:
    """A cell's beginning: its style attribute would be forbidden by the page's own policy."""
    return f"<{tokens[index].tag}>"
