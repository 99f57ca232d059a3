"""The routes of the page *Waiting for a person*."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aimylogic_provider.pages.access import Right, User, needs
from aimylogic_provider.pages.rendering import page

__all__ = ["router"]

router = APIRouter()


@router.get("/waiting")
@needs(Right.SIGNED_IN)
def waiting(request: Request, user: User) -> Response:
    """All that waits for a person, of DAGs that the user may read."""
    return page(request, user, "waiting.html", title="Waiting for a person")
