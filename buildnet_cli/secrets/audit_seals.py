"""What the audit is sealed with: a key among the user's secrets, and the anchor in a file of its own beside the database."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from buildnet_cli.commands.audit import Anchor
from buildnet_cli.secrets.private_file import create_private, read_private, replace_private
from buildnet_cli.secrets.vault import Vault

KEY_NAME: Final = "BUILDNET_AUDIT_KEY"

_KEY_BYTES = 32


class AuditSeals:
    """Implements `commands/audit.Seals`. open_vault: called when the key is first needed. path: of the anchor."""

    def __init__(self, open_vault: Callable[[], Vault], path: Path) -> None:
        self._open_vault = open_vault
        self._path = path
        self._key: bytes | None = None

    def key(self) -> bytes:
        if self._key is None:
            vault = self._open_vault()
            text = vault.get(KEY_NAME)
            if text is None:
                text = secrets.token_hex(_KEY_BYTES)
                vault.set(KEY_NAME, text)
            self._key = text.encode()
        return self._key

    def put_anchor(self, anchor: Anchor) -> None:
        content = json.dumps({"seq": anchor.seq, "seal": anchor.seal, "mac": anchor.mac}).encode()
        if self._path.exists():
            replace_private(self._path, content)
        else:
            create_private(self._path, content)

    def read_anchor(self) -> Anchor | None:
        content = read_private(self._path)
        if content is None:
            return None
        try:
            return Anchor(**json.loads(content))
        except (ValueError, TypeError):
            return Anchor(0, "", "")  # whatever stands there now, we did not write it
