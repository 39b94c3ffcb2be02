"""The URLs of tests/data/bad_inputs.yaml that nobody but the local file may name: refused at the door, before any connection."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import classify
from buildnet_cli.net.http import HttpClient
from tests.support.bad_inputs import Case, cases
from tests.support.raw_provider import RawProvider, raw_provider

pytestmark = pytest.mark.integration

CASES = cases(surface="outbound")


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every name that is looked up or connected to from now on; each of them leads to this machine."""
    names: list[str] = []

    def look_up(host: str, port: Any, *_: Any, **__: Any) -> list[Any]:
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", int(port)))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_it_is_refused_before_anybody_is_asked(case: Case, http: HttpClient, looked_up: list[str]) -> None:
    with pytest.raises(ChannelError) as caught:
        await http.request("POST", case.input["url"], deny_private=True, timeout_secs=2)
    assert caught.value.outcome is Outcome.PERMANENT
    assert case.missing_in(f"{caught.value.message} {caught.value.hint}", "error_has") == []
    assert looked_up == []


async def test_a_public_name_that_leads_home_is_refused_where_it_leads(http: HttpClient, looked_up: list[str]) -> None:
    with pytest.raises(ChannelError, match="private address") as caught:
        await http.request("POST", "https://rebinding.example.com/x", deny_private=True, timeout_secs=2)
    assert (caught.value.outcome, looked_up) == (Outcome.PERMANENT, ["rebinding.example.com"])


@pytest.fixture
def blocked() -> Iterator[tuple[str, socket.socket]]:
    """Where nobody may go, and who would come."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(0.2)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/latest/meta-data/", listener


async def test_no_redirect_leads_to_a_blocked_address(
    http: HttpClient, blocked: tuple[str, socket.socket], tmp_path: Any
) -> None:
    address, listener = blocked
    with raw_provider() as provider:
        url = _redirecting(provider, address, tmp_path)
        with pytest.raises(ChannelError, match="redirect") as caught:
            classify(await http.request("POST", url, timeout_secs=2))
    assert "address" in caught.value.hint
    with pytest.raises(TimeoutError):
        listener.accept()


def _redirecting(provider: RawProvider, address: str, folder: Any) -> str:
    return provider.url("redirect", {"status": 302, "headers": {"Location": address}}, folder)
