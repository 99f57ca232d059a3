"""The OpenAPI documents of the emulator: of the Calls API, from the table of endpoints, and of its own paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from aimylogic_provider import __version__
from aimylogic_provider.calls_api.endpoint_table import (
    ENDPOINTS,
    KEY_HEADER,
    OLDER_ADD_PHONE,
    BodyKind,
    Endpoint,
    PhonePlace,
    ResultKind,
)
from aimylogic_provider.emulator.http.request_bodies import AttemptsByDate, Item, JobsByDate, UnfinishedPage, Which

__all__ = ["Query", "Route", "calls_document", "emulator_document"]

_REF = "#/components/schemas/{name}"
_BODIES: dict[BodyKind, Any] = {
    BodyKind.CALLS: list[Item],
    BodyKind.PHONES_AND_IDS: Which,
    BodyKind.JOB_DATES: JobsByDate,
    BodyKind.PAGE: UnfinishedPage,
    BodyKind.ATTEMPT_DATES: AttemptsByDate,
}
_ID = {"type": "string", "pattern": "^[0-9]+$"}
_TIME = {"type": ["integer", "string", "null"]}
_TOLD = {
    "redialNumber": {"type": ["string", "null"]},
    "tagName": {"type": ["string", "null"]},
    "tagPayload": {"type": ["object", "null"]},
    "reportData": {"type": ["object", "null"]},
}
_JOB = {
    "type": "object",
    "required": ["callJobId", "phone", "createdAt", "finishedAt", "jobStatus"],
    "properties": {
        "callJobId": _ID,
        "phone": {"type": ["string", "null"]},
        "createdAt": _TIME,
        "finishedAt": _TIME,
        "jobStatus": {"type": "string"},
        "attemptsCount": {"type": "integer"},
        "callDuration": {"type": ["integer", "null"]},
        **_TOLD,
    },
}
_ATTEMPT = {
    "type": "object",
    "required": ["callJobId", "phone", "attemptNumber", "startedAt", "finishedAt"],
    "properties": {
        "callJobId": _ID,
        "phone": {"type": ["string", "null"]},
        "attemptNumber": {"type": "integer"},
        "startedAt": _TIME,
        "finishedAt": _TIME,
        "callResult": {"type": ["string", "null"]},
        "callDuration": {"type": ["integer", "null"]},
        "jobStatus": {"type": "string"},
        **_TOLD,
    },
}
_CAMPAIGN = {
    "type": "object",
    "required": ["id", "name", "status", "shortReport"],
    "properties": {"name": {"type": "string"}, "status": {"type": "string"}, "shortReport": {"type": "object"}},
}
_ERROR = {
    "type": "object",
    "required": ["message"],
    "properties": {"type": {"type": "string"}, "error": {"type": "string"}, "message": {"type": "string"}},
}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _page(items: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["items", "pagination"],
        "properties": {"items": _list(items), "pagination": {"type": "object"}},
    }


_RESULTS: dict[ResultKind, dict[str, Any]] = {
    ResultKind.JOB_ID: _ID,
    ResultKind.JOB_IDS: _list(_ID),
    ResultKind.JOBS: _list(_JOB),
    ResultKind.PAGE_OF_JOBS: _page(_JOB),
    ResultKind.ATTEMPTS: _list(_ATTEMPT),
    ResultKind.PAGE_OF_ATTEMPTS: _page(_ATTEMPT),
    ResultKind.CAMPAIGN: _CAMPAIGN,
}


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query."""

    name: str
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One of the emulator's own paths.

    :param body: the type of the JSON body that it takes, None for none
    :param result: the type of the JSON that it gives
    """

    method: str
    path: str
    summary: str
    handler: Callable[[Any], Any]
    body: Any
    result: Any
    query: Sequence[Query] = ()


def calls_document() -> dict[str, Any]:
    """Describe the Calls API as the emulator serves it."""
    _, schemas = msgspec.json.schema_components(list(_BODIES.values()), ref_template=_REF)
    paths: dict[str, Any] = {}
    for endpoint in (*ENDPOINTS, OLDER_ADD_PHONE):
        for method in endpoint.methods:
            paths.setdefault(endpoint.path, {})[method.lower()] = _operation(endpoint)
    return _document("Calls API, as the Aimylogic emulator serves it", paths, schemas)


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [_parameter("token", "path", required=True)]
    if endpoint.takes_key:
        parameters.append(_parameter(KEY_HEADER, "header"))
    if endpoint.phone is PhonePlace.FIELDS:
        parameters += [_parameter("phone", "query", required=True), _parameter("gmtZone", "query")]
    statuses = {400, 404, 408, 413, 415} | {status for status, _ in endpoint.refusals}
    operation: dict[str, Any] = {
        "summary": endpoint.name,
        "parameters": parameters,
        "responses": {
            "200": _result(endpoint.result),
            **{str(status): _json(_ERROR, "refused") for status in sorted(statuses)},
            "405": _json({"type": "object"}, "no such method"),
        },
    }
    if endpoint.body in _BODIES:
        (schema,), _ = msgspec.json.schema_components([_BODIES[endpoint.body]], ref_template=_REF)
        operation["requestBody"] = _body(schema)
    return operation


def emulator_document(prefix: str, routes: Sequence[Route]) -> dict[str, Any]:
    """Describe the emulator's own paths."""
    types = [kind for route in routes for kind in (route.body, route.result) if kind is not None]
    _, schemas = msgspec.json.schema_components(types, ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in routes:
        (result,), _ = msgspec.json.schema_components([route.result], ref_template=_REF)
        parameters = [_parameter(one.name, "query", required=one.required) for one in route.query]
        if "{number}" in route.path:
            parameters.append(_parameter("number", "path", required=True))
        operation: dict[str, Any] = {
            "summary": route.summary,
            "parameters": parameters,
            "responses": {
                "200": _json(result, "done"),
                **{
                    status: _json({"type": "object"}, "refused")
                    for status in ("400", "403", "404", "405", "408", "413")
                },
            },
        }
        if route.body is not None:
            (body,), _ = msgspec.json.schema_components([route.body], ref_template=_REF)
            operation["requestBody"] = _body(body)
        paths.setdefault(prefix + route.path, {})[route.method.lower()] = operation
    return _document("The Aimylogic emulator's own paths", paths, schemas)


def _document(title: str, paths: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _parameter(name: str, place: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": place, "required": required, "schema": {"type": "string"}}


def _result(kind: ResultKind) -> dict[str, Any]:
    if kind in _RESULTS:
        return _json(_RESULTS[kind], "done")
    if kind is ResultKind.STATUS:
        return {"description": "done", "content": {"text/plain": {"schema": {"type": "string"}}}}
    return {"description": "done, without a body"}


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {"application/json": {"schema": schema}}}


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
