"""`init`: a first configuration, made from what this project and this environment already say."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.detect import Candidate, find_packages
from buildnet_cli.errors import ConfigError, UsageError
from buildnet_cli.paths import CONFIG_NAME, FOLDER

SCHEMA_NAME = "notifications.schema.json"

# What lies in .buildnet/ and belongs to this machine, not to the repository.
_GITIGNORE = f"*\n!.gitignore\n!config.json\n!{CONFIG_NAME}\n!{SCHEMA_NAME}\n!templates/\n"


@dataclass(frozen=True)
class Found:
    """What there is to build on.

    packages: names from an engine's project file. candidates: what could be built, if there is no such file.
    webhooks: (name, variable) of webhook URLs in the environment.
    """

    packages: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    timezone: str
    webhooks: tuple[tuple[str, str], ...]


@single_command(epilog="buildnet-notify init --yes")
def app(
    ctx: typer.Context,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take what was found, ask nothing.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a configuration that exists; the old one is kept beside it.")
    ] = False,
) -> None:
    """Write .buildnet/notifications.yaml for this project, with comments and a schema line for editors."""
    from buildnet_cli.config.loader import load_text
    from buildnet_cli.paths import prepare_state

    state: AppContext = ctx.obj
    root = (state.options.project or Path.cwd()).resolve()
    if not root.is_dir():
        raise UsageError(f"{root} is no folder", hint="name the project's own folder with --project DIR")
    folder = root / FOLDER
    path = folder / CONFIG_NAME
    if path.exists() and not force:
        told = f"{path} is there already; nothing was changed (--force replaces it)"
        state.output.result("init", {"path": str(path), "written": []}, told)
        return
    prepare_state(folder)
    found = detect(folder, os.environ)
    if not yes:
        _confirm(state, root, found)
    text = render(found)
    load_text(text, str(path), lambda name: "set-later", environ=os.environ)
    written = _write(folder, path, text)
    state.output.result("init", {"path": str(path), "written": [str(file) for file in written]}, _summary(written, found))


def detect(folder: Path, environ: Any) -> Found:
    """Look at the project file, the machine's time zone and the tokens in the environment."""
    webhooks = tuple(
        (name, variable)
        for variable, name in (("SLACK_WEBHOOK_URL", "Slack"), ("DISCORD_WEBHOOK_URL", "Discord"), ("WEBHOOK_URL", "Webhook"))
        if environ.get(variable)
    )
    config = folder / "config.json"
    candidates = () if config.exists() else find_packages(folder.parent)
    return Found(_packages(config), candidates, _timezone(environ), webhooks)


def render(found: Found) -> str:
    """The configuration as text; it loads without an error as it stands."""
    lines = [
        f"# yaml-language-server: $schema=./{SCHEMA_NAME}",
        f"# $schema: ./{SCHEMA_NAME}",
        "",
        "notifications:",
        "  enabled: true",
        "  settings:",
        "    dedup_window_secs: 300     # the same news to the same person at most once in this time",
        "    quiet_hours:",
        "      enabled: false           # true: hold everything but critical until the morning",
        '      start: "22:00"',
        '      end: "08:00"',
        f'      timezone: "{found.timezone}"',
        "  channels:",
    ]
    if found.webhooks:
        lines.append("    webhooks:")
        for name, variable in found.webhooks:
            lines += [f'      - name: "{name}"', f'        url: "${{{variable}}}"', '        events: ["*"]']
    else:
        lines += [
            "    # The inbox of `buildnet-notify sandbox`; put your own URL here, or ${SLACK_WEBHOOK_URL}.",
            "    webhooks:",
            '      - name: "Inbox"',
            '        url: "http://127.0.0.1:9899/hooks/inbox"',
            '        events: ["*"]',
        ]
    if not found.packages:
        lines += ["", "# What BUILD builds, unless .buildnet/config.json says so:", *_package_lines(found.candidates)]
    return "\n".join(lines) + "\n"


def _package_lines(candidates: tuple[Candidate, ...]) -> list[str]:
    if not candidates:
        return ["packages: []"]
    from buildnet_cli.engine.project_check import find_cycle

    names = {candidate.name for candidate in candidates}
    needed = {each.name: tuple(sorted(names & set(each.needs) - {each.name})) for each in candidates}
    if find_cycle(needed):
        needed = {}  # what needs what is for a person to say then
    lines = ["# One with `sources` and an `output_dir` is not built again while nothing has changed.", "packages:"]
    for candidate in candidates:
        lines += [
            f"  - name: {json.dumps(candidate.name)}",
            f"    path: {json.dumps(candidate.path, ensure_ascii=False)}",
            f"    build_cmd: {json.dumps(candidate.build_cmd)}",
        ]
        if needed.get(candidate.name):
            lines.append(f"    dependencies: {json.dumps(needed[candidate.name])}")
    return lines


def _confirm(state: AppContext, root: Path, found: Found) -> None:
    if not state.options.may_ask:
        raise UsageError("init asks before it writes, and nobody can answer here", hint="buildnet-notify init --yes")
    packages = ", ".join(_names(found)) or "none (write them into the file, or into .buildnet/config.json)"
    state.output.say(f"Project {root}\nPackages: {packages}\nTime zone: {found.timezone}")
    state.output.say(f"Channels: {', '.join(name for name, _ in found.webhooks) or 'the local inbox of buildnet-notify sandbox'}")
    typer.confirm(f"Write {FOLDER}/{CONFIG_NAME}?", default=True, abort=True, err=True)


def _write(folder: Path, path: Path, text: str) -> list[Path]:
    from buildnet_cli.config.schema import json_schema

    files = {path: text, folder / SCHEMA_NAME: json.dumps(json_schema(), indent=2) + "\n"}
    ignore = folder / ".gitignore"
    if not ignore.exists():
        files[ignore] = _GITIGNORE
    if path.exists():
        path.replace(path.with_suffix(".yaml.bak"))
    for file, content in files.items():
        file.write_text(content, "utf-8")
        file.chmod(0o600)
    return list(files)


def _summary(written: list[Path], found: Found) -> str:
    lines = [f"wrote {file}" for file in written]
    count = len(_names(found))
    packages = f"{count} package{'' if count == 1 else 's'}" if count else "no packages yet"
    begin = "buildnet-notify agent start"
    if not found.webhooks:
        begin = f"buildnet-notify sandbox    (in another terminal: the inbox that hears of it), then {begin}"
    return "\n".join([*lines, f"found {packages} · time zone {found.timezone}", f"Next: {begin}"])


def _names(found: Found) -> tuple[str, ...]:
    return found.packages or tuple(candidate.name for candidate in found.candidates)


def _packages(config: Path) -> tuple[str, ...]:
    try:
        packages = json.loads(config.read_text("utf-8"))["packages"]
        return tuple(str(package["name"]) for package in packages)
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ConfigError(f"{config} could not be read as a BuildNet project ({exc})", hint="mend it, or move it away") from exc


def _timezone(environ: Any) -> str:
    """TZ, else what /etc/localtime links to, else UTC."""
    from zoneinfo import available_timezones

    link = Path("/etc/localtime")
    linked = str(link.resolve()).partition("/zoneinfo/")[2] if link.exists() else ""
    known = available_timezones()
    return next((zone for zone in (environ.get("TZ", ""), linked) if zone in known), "UTC")
