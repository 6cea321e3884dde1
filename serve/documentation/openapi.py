"""The OpenAPI 3.1 document, generated from the route table and from the types of the bodies."""

from collections.abc import Iterable
from typing import Any

import msgspec

from serve.bodies.accounts import AccountBody
from serve.bodies.conditions import BalanceConditionBody, ComparisonBody
from serve.bodies.payment_operations import (
    CaptureBody,
    CaptureItemBody,
    ChangedPaymentBody,
    RefundBody,
    RefundItemBody,
    VoidItemBody,
)
from serve.bodies.payments import BatchItemBody, PaymentRequestBody
from serve.bodies.webhooks import RedeliverBody
from serve.routes.route import Parameter, Route
from serve.wire.problems import KINDS, PROBLEM_JSON, ProblemBody

VERSION = "1.0.0"
_DESCRIPTION = """A double-entry ledger that takes payments. Amounts and balances are integers in minor units of their currency:
JSON integers up to 9007199254740991 (2^53-1), decimal strings beyond, in requests and in answers alike.
Every answer carries `Request-Id`; every write carries `Consistency-Token`: sent back with a read, the read shows at least that
state. Errors are problems (RFC 9457). Times are RFC 3339 in UTC with microseconds."""
# Missing ones are optional to the decoder, so that each can be told as what it is.
_REQUIRED: dict[type, list[str]] = {
    BatchItemBody: ["idempotency_key"],
    CaptureItemBody: ["payment_id", "idempotency_key"],
    VoidItemBody: ["payment_id"],
    RefundItemBody: ["payment_id", "idempotency_key"],
}
_SINGLE = ["from", "to", "amount", "currency"]
_COLLECTIONS = ("/v1/accounts", "/v1/payments", "/v1/webhooks")
_REFERENCE = "#/components/schemas/{name}"
_PROBLEM = {"$ref": _REFERENCE.format(name="ProblemBody")}
_HEADERS = {
    "Request-Id": "Names this request: your own X-Request-Id if it is 1 to 64 visible characters.",
    "Consistency-Token": "What this answer has seen; send it with a read that must not show less.",
    "Idempotency-Replayed": "`true` if the key was used before: this is the first answer again.",
    "Retry-After": "Seconds after which to send the request again.",
    "Location": "Path of what was made.",
    "ETag": "The account's version, for `If-Match`; not with a time in the past.",
    "Allow": "The methods of the path.",
}


def openapi_document(table: Iterable[Route]) -> dict[str, Any]:
    """Return the document."""
    routes = list(table)
    types = [kind for route in routes for kind in (route.request, *route.answers.values()) if isinstance(kind, type)]
    schemas = _schemas([*dict.fromkeys(types), ProblemBody])
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Payments", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(route.tag for route in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()},
        },
    }


def _schemas(types: list[type]) -> dict[str, Any]:
    _, components = msgspec.json.schema_components(types, ref_template=_REFERENCE)
    for kind in (PaymentRequestBody, BatchItemBody):
        single = {"required": _SINGLE, "not": {"required": ["legs"]}}
        several = {"required": ["legs"], "not": {"anyOf": [{"required": [name]} for name in _SINGLE]}}
        components[kind.__name__]["oneOf"] = [single, several]
    for operation in (CaptureBody, RefundBody, CaptureItemBody, RefundItemBody):
        components[operation.__name__]["not"] = {"required": ["amount", "legs"]}
    for item, required in _REQUIRED.items():
        components[item.__name__]["required"] = required
    components[RedeliverBody.__name__]["oneOf"] = [{"required": [name]} for name in ("deliveries", "since", "after")]
    components[ComparisonBody.__name__]["minProperties"] = 1
    components[BalanceConditionBody.__name__]["minProperties"] = 2
    return dict(sorted(components.items()))


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.handler.__name__,
        "summary": route.summary,
        "tags": [route.tag],
        "responses": _responses(route),
    }
    if route.description:
        operation["description"] = route.description
    if route.parameters:
        operation["parameters"] = [_parameter(parameter) for parameter in route.parameters]
    if route.request:
        content: dict[str, Any] = {"schema": _reference(route.request)}
        if route.examples:
            content["examples"] = {name: {"value": value} for name, value in route.examples.items()}
        required = bool(route.request.__struct_fields__)
        operation["requestBody"] = {"required": required, "content": {"application/json": content}}
    return operation


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    for number, (status, kind) in enumerate(route.answers.items()):
        if kind is None:
            responses[str(status)] = {"description": "Done", "headers": _header_references(["Request-Id"])}
            continue
        media, schema = ("application/json", _reference(kind)) if isinstance(kind, type) else (kind, {})
        others = {other: {"schema": {"type": "string"}} for other in route.other_media} if number == 0 else {}
        names = ["Request-Id", *_headers_of(route, status)]
        responses[str(status)] = {
            "description": "Done",
            "headers": _header_references(names),
            "content": {media: {"schema": schema}, **others},
        }
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(route.problems):
        status = 404 if code == "account_not_found" and route.method == "GET" else KINDS[code].status
        by_status.setdefault(status, []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem(" ".join(f"`{code}`" for code in codes), ["Retry-After"] if status == 503 else [])
    responses["default"] = _problem("Any other problem", [])
    return responses


def _headers_of(route: Route, status: int) -> list[str]:
    names = ["Consistency-Token"] if route.path.startswith(("/v1/accounts", "/v1/payments", "/v1/ledger")) else []
    if (route.path == "/v1/payments" and status == 201) or ChangedPaymentBody in route.answers.values():
        names.append("Idempotency-Replayed")
    if AccountBody in route.answers.values():
        names.append("ETag")
    return [*names, "Location"] if route.method == "POST" and route.path in _COLLECTIONS else names


def _problem(description: str, headers: list[str]) -> dict[str, Any]:
    content = {PROBLEM_JSON.decode(): {"schema": _PROBLEM}}
    return {"description": description, "headers": _header_references(["Request-Id", *headers]), "content": content}


def _header_references(names: list[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.required,
        "schema": parameter.schema,
    }
    return described if parameter.example is None else {**described, "example": parameter.example}


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(name=kind.__name__)}
