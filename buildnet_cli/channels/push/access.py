"""The access token: asked for when it is needed, kept while it is good."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlencode

from pydantic import SecretStr

from buildnet_cli import redact
from buildnet_cli.channels.push import answer
from buildnet_cli.channels.push.account import GRANT, ServiceAccount, read_account
from buildnet_cli.clock import Clock
from buildnet_cli.errors import ChannelError, ConfigError, Outcome
from buildnet_cli.net.http import HttpClient

_EARLY_SECS = 300.0


class Access:
    """Trades the service account for an access token.

    credentials: the path of its JSON file, or that JSON itself; read when it is first needed.
    """

    def __init__(self, credentials: SecretStr, http: HttpClient, clock: Clock, *, timeout_secs: float) -> None:
        self._credentials = credentials
        self._http = http
        self._clock = clock
        self._timeout_secs = timeout_secs
        self._account: ServiceAccount | None = None
        self._token = SecretStr("")
        self._good_until = 0.0
        self._asking = asyncio.Lock()

    async def token(self, *, instead_of: str = "") -> str:
        """A token that is good for five more minutes. instead_of: one that was refused.

        Raises ChannelError: HOLD if the account is refused or cannot be read, RETRY if nobody can say.
        """
        async with self._asking:
            token = self._token.get_secret_value()
            if not token or token == instead_of or self._clock.monotonic() >= self._good_until:
                token = await self._ask()
            return token

    async def _ask(self) -> str:
        try:
            # In a thread: the first signature loads what signs.
            account, assertion = await asyncio.to_thread(self._signed)
        except ConfigError as exc:
            raise ChannelError(exc.message, outcome=Outcome.HOLD, hint=exc.hint) from None
        try:
            reply = await self._http.request(
                "POST",
                account.token_uri,
                headers={"content-type": "application/x-www-form-urlencoded"},
                content=urlencode({"grant_type": GRANT, "assertion": assertion}).encode("ascii"),
                timeout_secs=self._timeout_secs,
            )
        except ChannelError as exc:
            # Whatever became of this request, no message has been sent.
            outcome = Outcome.RETRY if exc.outcome is Outcome.UNKNOWN else exc.outcome
            raise ChannelError(exc.message, outcome=outcome, hint=exc.hint) from None
        token, lasts_secs = answer.granted(reply)
        self._token = SecretStr(token)
        self._good_until = self._clock.monotonic() + max(lasts_secs - _EARLY_SECS, lasts_secs / 2)
        return token

    def _signed(self) -> tuple[ServiceAccount, str]:
        if self._account is None:
            self._account = read_account(document(self._credentials.get_secret_value()))
            redact.register(self._account.key)
        return self._account, self._account.assertion(self._clock.now())


def document(credentials: str) -> str:
    """The JSON that is meant: itself, or what stands in the file of that name. Raises ConfigError if there is none."""
    if credentials.lstrip().startswith("{"):
        return credentials
    try:
        return Path(credentials).expanduser().read_text("utf-8")
    except (OSError, ValueError, RuntimeError) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else "it is no text"
        raise ConfigError(
            f"the file that push.firebase.credentials names cannot be read: {reason}",
            hint="name the service account's JSON file by its whole path, or store the JSON itself as a secret",
        ) from None
