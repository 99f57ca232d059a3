"""Downloads of a list: rejected and unknown rows, and results, as CSV with phones, by the right to change runs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator

from fastapi import APIRouter, HTTPException
from fastapi.responses import Response, StreamingResponse

from aimylogic_provider.call_list.store.manifest import CallListError
from aimylogic_provider.pages.access import Right, User, needs
from aimylogic_provider.pages.audit_log import note
from aimylogic_provider.pages.call_lists.csv_files import FILES, NothingLeftError
from aimylogic_provider.pages.call_lists.list_place import Place
from aimylogic_provider.pages.call_lists.looking_up import Asked, asked_list
from aimylogic_provider.pages.slow_readings import TooSlowError, read_piece

__all__ = ["router"]

router = APIRouter()

_FIRST, _NEXT = 20.0, 60.0
"""Seconds for the first piece of a file, after which the page says that it is slow, and for each other one."""


@router.get("/lists/{dag_id}/{run_id}/{task_id}/{map_index}/{name}.csv")
@needs(Right.CHANGE_RUN)
async def download(user: User, asked: Asked, name: str) -> Response:
    """A file of a list, a piece at a time: neither this server's memory nor its threads are taken by a large one.

    :param name: ``rejected``, ``unknown`` or ``results``
    """
    if name not in FILES:
        raise HTTPException(404, f"There is no such file: have {', '.join(FILES)}")
    found = await asked_list(asked)
    if found.place is None:
        raise HTTPException(404, "No call list is known of this task yet")
    try:
        pieces = await read_piece(_FIRST, _begun, name, found.place)
    except NothingLeftError as error:
        raise HTTPException(410, str(error)) from None
    except (CallListError, OSError) as error:
        why = str(error).partition(". ")[0]
        raise HTTPException(404, f"The API server can't read the list's folder: {why}") from None
    except TooSlowError as error:
        raise HTTPException(503, f"The storage of the list is slow: {error}") from None
    await found.in_database(
        lambda session: note(
            session, user, f"aimylogic.download_{name}", dag_id=asked.dag_id, run_id=asked.run_id,
            task_id=asked.task_id, map_index=asked.map_index, call_list=found.list_id,
        )
    )  # fmt: skip
    file = re.sub(r"[^\w.+-]", "_", f"{asked.dag_id}.{asked.run_id}.{asked.task_id}.{name}", flags=re.ASCII)
    headers = {"Content-Disposition": f'attachment; filename="{file}.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_sent(*pieces), media_type="text/csv; charset=utf-8", headers=headers)


def _begun(name: str, place: Place) -> tuple[bytes, Iterator[bytes]]:
    """The first piece, so that what can't be read is told before anything is sent; and the others."""
    pieces = FILES[name](place)
    return next(pieces, b""), pieces


async def _sent(first: bytes, others: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Pieces as they are read. If one can't be, the connection is cut: a file that ends early must not look whole."""
    yield first
    while (piece := await read_piece(_NEXT, next, others, None)) is not None:
        yield piece
