"""Retry and cancel, while an agent runs: the row is changed, and whoever would send it is told."""

from __future__ import annotations

from collections.abc import Callable

from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.model import Delivery
from buildnet_cli.delivery.outbox import Outbox
from buildnet_cli.delivery.router import Router
from buildnet_cli.errors import ConflictError


class Redrive:
    """What a person may do with deliveries."""

    def __init__(self, outbox: Outbox, dispatcher: Dispatcher, router: Router, on_held: Callable[[], None]) -> None:
        """on_held: called when something was held that may be let go soon."""
        self._outbox = outbox
        self._dispatcher = dispatcher
        self._router = router
        self._on_held = on_held

    async def retry(self, delivery_id: str) -> Delivery:
        """Have a delivery tried now, even by a target that is left alone otherwise. Raises NotFoundError or ConflictError."""
        delivery = await self._outbox.retry(delivery_id)
        self._dispatcher.try_now([delivery.target])
        return delivery

    async def retry_failed(self, channel: str | None = None) -> list[Delivery]:
        """Have everything tried that was given up, as far as the rate limits allow; on one channel or on all."""
        retried = await self._outbox.retry_failed(channel, self._router.rules.limits)
        self._dispatcher.try_now({delivery.target for delivery in retried})
        self._on_held()
        return retried

    async def cancel(self, delivery_id: str) -> Delivery:
        """Give a delivery up. Raises NotFoundError, or ConflictError for one that is final or under way."""
        if not self._dispatcher.withdraw(delivery_id):
            raise ConflictError(f"{delivery_id} is being sent at this moment", hint="look again in a moment")
        delivery = await self._outbox.cancel(delivery_id)
        # It may have been handed out meanwhile.
        self._dispatcher.withdraw(delivery_id)
        self._dispatcher.wake()
        return delivery
