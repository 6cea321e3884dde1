"""Faults of AWS that no emulator has: an answer that says that only some of a batch went through, a call that never came back."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3

_NUMBERS = itertools.count(1)

Answer = dict[str, Any]
Call = dict[str, Any]


@contextmanager
def before(service: str, operation: str, hook: Callable[[Any, Call], Answer | None]) -> Iterator[None]:
    """Let `hook` see the calls of clients that are made inside the block, before they are sent: it gets the operation's model and
    the request. It may raise, or return an answer that is taken for AWS's; None lets the call through."""

    def handle(model: Any, params: Call, **_: Any) -> tuple[Any, Answer] | None:
        answer = hook(model, params)
        return None if answer is None else (_Ok(), answer)

    with _registered(f"before-call.{service}.{operation}", handle):
        yield


@contextmanager
def after(service: str, operation: str, hook: Callable[[Answer], None]) -> Iterator[None]:
    """Let `hook` change the answers of clients that are made inside the block, after the call has had its effect. It may raise."""

    def handle(parsed: Answer, **_: Any) -> None:
        hook(parsed)

    with _registered(f"after-call.{service}.{operation}", handle):
        yield


@contextmanager
def losing(service: str, operation: str, entries: str, is_lost: Callable[[int], bool]) -> Iterator[None]:
    """Let some entries of batches be lost on their way, and be told as failed. `entries` is the parameter that holds them; every entry
    of every call has a number, counted from 0, by which `is_lost` decides."""
    numbers = itertools.count()

    def lose(params: Call, context: dict[str, Any], **_: Any) -> Call:
        numbered = [(next(numbers), entry) for entry in params[entries]]
        context["lost"] = [entry["Id"] for number, entry in numbered if is_lost(number)]
        kept = [entry for _, entry in numbered if entry["Id"] not in context["lost"]]
        # AWS takes no empty batch.
        context["lost"] = context["lost"] if kept else []
        return {**params, entries: kept or params[entries]}

    def tell(parsed: Answer, context: dict[str, Any], **_: Any) -> None:
        failed = [{"Id": lost, "Code": "InternalError", "Message": "lost", "SenderFault": False} for lost in context["lost"]]
        parsed["Failed"] = [*parsed.get("Failed", []), *failed]

    with _registered(f"provide-client-params.{service}.{operation}", lose):
        with _registered(f"after-call.{service}.{operation}", tell):
            yield


@contextmanager
def _registered(event: str, handle: Callable[..., Any]) -> Iterator[None]:
    active = True

    def while_active(**arguments: Any) -> Any:
        return handle(**arguments) if active else None

    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    events, name = boto3.DEFAULT_SESSION.events, f"fault-{next(_NUMBERS)}"
    events.register(event, while_active, unique_id=name)
    try:
        yield
    finally:
        # Clients have copied what was registered when they were made.
        active = False
        events.unregister(event, unique_id=name)


class _Ok:
    status_code = 200
