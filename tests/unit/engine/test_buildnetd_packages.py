"""Reading the packages of a daemon."""

from __future__ import annotations

import json

import pytest

from buildnet_cli.engine.buildnetd.packages import read_packages
from buildnet_cli.errors import ConfigError

WHERE = "http://127.0.0.1:9876/config"


def config(**dependencies: list[str]) -> str:
    packages = [
        {"name": name, "path": f"p/{name}", "build_cmd": "make", "dependencies": needs, "sources": [], "output_dir": "out"}
        for name, needs in dependencies.items()
    ]
    return json.dumps({"project_root": ".", "db_path": "x", "packages": packages})


def test_packages_come_in_the_daemon_s_order_with_what_they_need() -> None:
    found = read_packages(config(app=["lib"], lib=[]), WHERE)
    assert list(found) == ["app", "lib"]
    assert (found["app"].dependencies, found["app"].path, found["app"].build_cmd) == (("lib",), "p/app", "make")


def test_a_folder_need_not_be_on_this_machine() -> None:
    assert read_packages(config(app=[]), WHERE)["app"].path == "p/app"


def test_a_dependency_that_would_end_the_daemon_is_told() -> None:
    with pytest.raises(ConfigError, match=r'app depends on "nope", which is no package of the BuildNet daemon') as caught:
        read_packages(config(app=["nope"]), WHERE)
    assert caught.value.where == WHERE


def test_a_circle_is_told() -> None:
    with pytest.raises(ConfigError, match="in a circle: a -> b -> a"):
        read_packages(config(a=["b"], b=["a"]), WHERE)


@pytest.mark.parametrize("text", ["", "<html>", "[]", '{"packages": 3}', '{"packages": [{"name": "a"}]}'])
def test_what_is_no_configuration_is_told(text: str) -> None:
    with pytest.raises(ConfigError):
        read_packages(text, WHERE)
