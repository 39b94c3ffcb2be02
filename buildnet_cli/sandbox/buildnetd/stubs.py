"""The routes by which the daemon speaks of a network that it does not have: they always succeed, and do nothing."""

from __future__ import annotations

import os
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.buildnetd.wire import read_object


async def _nodes(_: Request) -> Response:
    # A new id with each call.
    local = {"id": str(uuid.uuid4()), "address": "127.0.0.1:9877", "role": "standalone", "status": "online"}
    return JSONResponse({"local": local, "peers": []})


async def _node(request: Request) -> Response:
    capabilities = {"cpu_cores": os.cpu_count(), "memory_mb": 8192, "disk_mb": 102400, "tools": ["pnpm", "node", "cargo"]}
    return JSONResponse(
        {
            "id": request.path_params["id"],
            "address": "127.0.0.1:9877",
            "status": "online",
            "role": "standalone",
            "capabilities": capabilities,
            "stats": {"builds_completed": 0, "tasks_processed": 0, "uptime_secs": 0},
        }
    )


async def _join(request: Request) -> Response:
    await read_object(request, bootstrap_addr=_is_text)
    return JSONResponse({"success": True, "connected_peers": 0, "coordinator": None})


async def _leave(_: Request) -> Response:
    return JSONResponse({"success": True})


async def _sync_state(_: Request) -> Response:
    return JSONResponse({"local": {"entry_count": 0, "merkle_root": "0" * 64}, "peers": []})


async def _sync(request: Request) -> Response:
    await read_object(request, peer_id=_is_text, all=lambda value: isinstance(value, bool))
    return JSONResponse({"success": True, "synced_entries": 0})


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


STUBS = [
    Route("/network/nodes", _nodes, methods=["GET"]),
    Route("/network/nodes/{id}", _node, methods=["GET"]),
    Route("/network/join", _join, methods=["POST"]),
    Route("/network/leave", _leave, methods=["POST"]),
    Route("/ledger/sync", _sync_state, methods=["GET"]),
    Route("/ledger/sync", _sync, methods=["POST"]),
]
