"""How far we have read what a provider keeps for us, so that the next start goes on there."""

from __future__ import annotations

from buildnet_cli.store.database import Store


class StoredBookmarks:
    """A place for each reader, by a name such as `telegram:123456`; 0 for a reader that has read nothing yet."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def place(self, reader: str) -> int:
        """Where to go on. Raises StorageError."""
        sql = "SELECT place FROM bookmarks WHERE reader = ?"
        found = await self._store.read(lambda db: db.execute(sql, [reader]).fetchone())
        return int(found[0]) if found is not None else 0

    async def put(self, reader: str, place: int) -> None:
        """Go on there from now on. Raises StorageError."""
        sql = "INSERT OR REPLACE INTO bookmarks VALUES (?, ?)"
        await self._store.write(lambda db: db.execute(sql, [reader, place]))
