"""The parts of an agent that route and send, on a real database and through a real webhook, by a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.release import Releaser
from buildnet_cli.delivery.router import Router
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.store import deliveries
from buildnet_cli.store.database import Store
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.mutes import StoredMutes
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.http_inbox import HttpInbox
from tests.support.routing import rules_of

Render = Callable[[Event], Message]


class House:
    """The parts of an agent that route and send, over one file, with a clock of its own."""

    def __init__(
        self, store: Store, clock: FakeClock, inbox: HttpInbox, settings: dict[str, Any], http: HttpClient, render: Render
    ) -> None:
        self.store, self.clock, self.inbox = store, clock, inbox
        webhook = Webhook(name="ci", url=inbox.hook("ci"))
        self.router = Router(rules_of(settings, {"name": "ci"}))
        outbox, self.intake = StoredOutbox(store, clock), StoredIntake(store, clock)
        outlets = Outlets({"webhook": WebhookChannel([webhook], http)}, self.router.rules.table.targets)
        self.dispatcher = Dispatcher(outbox, outlets, render, clock)
        self.releaser = Releaser(self.intake, self.router, clock, self.dispatcher.wake)
        self.mutes = StoredMutes(store, clock, self.releaser.wake)
        self.ingest = Ingest(self.intake, EventBus(), clock, self.router, wake=self.dispatcher.wake, on_held=self.releaser.wake)

    async def emit(self, type_: str, subject: str = "api", **fields: Any) -> Event:
        return await self.ingest.accept(EventDraft(type_, subject=subject, **fields), source="test")

    async def heard(self, count: int) -> list[Received]:
        """What the webhook got, once it is so much and nothing more."""
        for _ in range(500):
            if len(self.inbox.received("ci")) >= count:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        received = self.inbox.received("ci")
        assert [got.body["type"] for got in received][count:] == []
        assert len(received) == count
        return received

    def move(self, moment: datetime) -> None:
        self.clock.set(moment)
        self.releaser.wake()
        self.dispatcher.wake()

    async def counts(self) -> dict[str, int]:
        conservation = await self.store.read(deliveries.conservation)
        assert conservation.difference == 0
        return {status.value: count for status, count in conservation.counts.items() if count}


@asynccontextmanager
async def a_house(
    path: Path, clock: FakeClock, inbox: HttpInbox, settings: dict[str, Any], *, render: Render = render
) -> AsyncIterator[House]:
    """An agent's life: everything ends with the block as it does in a restart."""
    store, http = Store.open(path), HttpClient()
    house = House(store, clock, inbox, settings, http, render)
    await StoredOutbox(store, clock).void_leases()
    tasks = [asyncio.create_task(house.dispatcher.run()), asyncio.create_task(house.releaser.run())]
    try:
        yield house
    finally:
        await house.dispatcher.stop(5)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await http.close()
        store.close()


async def until_final(house: House, **expected: int) -> None:
    for _ in range(500):
        if await house.counts() == expected:
            return
        await asyncio.sleep(0.01)
    assert await house.counts() == expected
