"""How a page is made of its template: the frame around it, and how counts, times and phones are written."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from aimylogic_provider.pages.csrf import token_for

__all__ = ["FRAGMENT", "STATIC", "TABS", "airflow_of", "page", "path_of", "root_of", "task_path"]

FRAGMENT = "X-Aimylogic-Fragment"
"""The header of a request that wants the middle of a page alone, to put it into one that is open."""

STATIC = Path(__file__).parent / "static"
TABS = {"campaigns": "Campaigns", "lists": "Call lists", "waiting": "Waiting for a person"}
"""The pages, by the first part of their path."""


def root_of(request: Request) -> str:
    """The path beneath which the pages lie, without a slash at its end."""
    return str(request.scope.get("root_path", "")).rstrip("/")


def path_of(request: Request) -> str:
    """The path that was asked for. A request's URL tells it, too, but in some versions as its header Host has it."""
    return str(request.scope["path"])


def airflow_of(request: Request) -> str:
    """The path beneath which Airflow's own pages lie, without a slash at its end."""
    return root_of(request).removesuffix("/aimylogic")


def page(
    request: Request, user: BaseUser | None, template: str, *, title: str, status: int = 200, **values: object
) -> HTMLResponse:
    """Return a page, or the middle of it, where a page that is open asks for that.

    :param user: who asks; None if that isn't known
    :param template: its file beneath ``templates/``; it extends ``layout.html``, and its block
        ``content`` holds all that it shows and imports
    :param title: of the page
    :param values: what the template shows; whatever it is, it is escaped
    """
    root = root_of(request)
    context = {
        "root": root,
        "airflow": airflow_of(request),
        "tabs": TABS,
        "here": path_of(request).removeprefix(root).strip("/").split("/")[0],
        "csrf": "" if user is None else token_for(str(user.get_id())),
        "title": title,
        "static": {path.name: f"{root}/static/{path.name}?v={_digest(path)}" for path in STATIC.iterdir()},
        **values,
    }
    made = _environment().get_template(template)
    if request.headers.get(FRAGMENT):
        text = "".join(made.blocks["content"](made.new_context(context)))
    else:
        text = made.render(context)
    return HTMLResponse(text, status, headers={"Cache-Control": "no-store"})


@cache
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"count": _count, "moment": _moment, "path": _path, "duration": _duration}
    return environment


def _count(number: float | None) -> str:
    return "–" if number is None else f"{number:,.0f}"


def _moment(at: datetime | float | None) -> Markup | str:
    """A time, which the page's script writes in the reader's own time zone."""
    if at is None:
        return "–"
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    moment = moment.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(moment.isoformat(), moment.strftime("%Y-%m-%d %H:%M"))


def task_path(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """Of Airflow's page of a task instance, beneath Airflow's address."""
    path = f"/dags/{_path(dag_id)}/runs/{_path(run_id)}/tasks/{_path(task_id)}"
    return path if map_index < 0 else f"{path}/mapped/{map_index}"


def _path(text: object) -> str:
    """A text as one part of a path, whatever it holds: run ids have plusses and colons."""
    return quote(str(text), safe="")


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
