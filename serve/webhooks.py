"""The webhooks behind a request, and what can be wrong with them as problems."""

from collections.abc import Iterator
from contextlib import contextmanager

from processor.bridges.webhooks.admin import Disabled, NotThere, UnderWay, WebhookAdmin
from processor.bridges.webhooks.endpoint_table import ENDPOINTS_MAX, AlreadyThere, TooMany
from processor.bridges.webhooks.url import BadUrl
from processor.journal.interface import JournalUnavailable
from serve.wire.problems import FieldError, Problem, retry_after
from serve.wire.request import Request

WEBHOOK_PROBLEMS = ("webhook_not_found", "webhooks_unavailable")
_RETRY_SECONDS = 1.0


@contextmanager
def webhooks_of(request: Request) -> Iterator[WebhookAdmin]:
    """Give the webhooks; what goes wrong with them is raised as Problem."""
    admin = request.site.webhooks
    if admin is None:
        raise _unavailable()
    try:
        yield admin
    except NotThere:
        detail = f"There is no webhook {request.parameter[:64]}; GET /v1/webhooks lists all."
        raise Problem("webhook_not_found", detail) from None
    except AlreadyThere as error:
        detail = (
            f"Webhook {error.id} has this URL, these types and these accounts; use it, and rotate its secret if you have lost it."
        )
        raise Problem("webhook_exists", detail) from None
    except TooMany:
        raise Problem("too_many_webhooks", f"There may be {ENDPOINTS_MAX} webhooks; delete one that is not needed.") from None
    except Disabled:
        raise Problem("webhook_disabled", "Nothing is sent to a webhook that is disabled; enable it first.") from None
    except UnderWay:
        detail = "The past is being sent again already; wait until the webhook's `redelivery` is null."
        raise Problem("redelivery_under_way", detail) from None
    except BadUrl as error:
        raise Problem(
            "webhook_url_refused", f"The URL cannot be used: {error}.", errors=[FieldError(str(error), "/url")]
        ) from None
    except JournalUnavailable as error:
        raise _unavailable() from error


def _unavailable() -> Problem:
    detail = "Webhooks cannot be read or changed now. Nothing was done; send it again."
    return Problem("webhooks_unavailable", detail, headers=retry_after(_RETRY_SECONDS))
