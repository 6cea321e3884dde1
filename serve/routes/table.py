"""All routes of the API."""

from serve.routes import (
    accounts,
    balances,
    bridges,
    currencies,
    dead_letters,
    entries,
    events,
    ledger,
    measurements,
    operations,
    payment_lists,
    payment_operations,
    payments,
    webhook_deliveries,
    webhooks,
)
from serve.routes.documentation import documentation_routes
from serve.routes.route import Route


def route_table() -> tuple[Route, ...]:
    """Return every route, in the order in which the documentation shows them."""
    table = [
        *payments.ROUTES,
        *payment_lists.ROUTES,
        *payment_operations.ROUTES,
        *accounts.ROUTES,
        *balances.ROUTES,
        *entries.ROUTES,
        *events.ROUTES,
        *ledger.ROUTES,
        *webhooks.ROUTES,
        *webhook_deliveries.ROUTES,
        *currencies.ROUTES,
        *bridges.ROUTES,
        *dead_letters.ROUTES,
        *operations.ROUTES,
        *measurements.ROUTES,
    ]
    table.extend(documentation_routes(table))
    return tuple(table)
