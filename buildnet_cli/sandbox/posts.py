"""What a chat's stand-in has posted, so that it can be answered and changed. In memory and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Post:
    """One message in a chat. id: the chat's own. number: of the request that posted it. recipient: as that request named it."""

    id: str
    number: int
    recipient: str


@dataclass(slots=True)
class Posts:
    """Posts by room and id; the oldest go."""

    _posts: dict[tuple[str, str], Post] = field(default_factory=dict)

    def add(self, room: str, post: Post) -> None:
        self._posts[room, post.id] = post
        if len(self._posts) > _MOST:
            del self._posts[next(iter(self._posts))]

    def find(self, room: str, id: str) -> Post | None:
        """The post; None if there is none, or not any more."""
        return self._posts.get((room, id))
