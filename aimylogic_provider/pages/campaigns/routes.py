"""The routes of the page *Campaigns*."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from aimylogic_provider.pages.access import Right, User, needs
from aimylogic_provider.pages.rendering import page

__all__ = ["router"]

router = APIRouter()


@router.get("/campaigns")
@needs(Right.SIGNED_IN)
def campaigns(request: Request, user: User) -> Response:
    """All campaigns whose connections the user may read."""
    return page(request, user, "campaigns.html", title="Campaigns")
