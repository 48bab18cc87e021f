"""Fixtures for all tests but the unit tests: a private PostgreSQL cluster, databases in it, projects."""
from __future__ import annotations

import itertools
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import yaml

import support

pytest_plugins = ["services.fixtures"]

database_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    cli_tests = Path(__file__).parent / "cli"
    for item in items:
        if item.path.is_relative_to(cli_tests) and item.get_closest_marker("slow") is None:
            item.add_marker("quick")


@pytest.fixture(scope="session")
def cluster() -> Iterator[support.Cluster]:
    found = subprocess.run([support.CLUSTER_SCRIPT, "bindir"], capture_output=True, encoding="utf-8", check=False)
    if found.returncode != 0:
        support.missing("a PostgreSQL server")
    with support.start_cluster(Path(found.stdout.strip())) as cluster:
        yield cluster


@contextmanager
def new_database(cluster: support.Cluster) -> Iterator[support.Database]:
    name = f"test_{next(database_numbers)}"
    with psycopg.connect(cluster.uri, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
        uri = cluster.database_uri(name)
        with psycopg.connect(uri, autocommit=True) as connection:
            yield support.Database(uri, connection, cluster.bindir)
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(cluster: support.Cluster) -> Iterator[support.Database]:
    """An empty database for one test."""
    with new_database(cluster) as database:
        yield database


@pytest.fixture(scope="module")
def module_database(cluster: support.Cluster) -> Iterator[support.Database]:
    """An empty database that all tests of a module share."""
    with new_database(cluster) as database:
        yield database


@pytest.fixture(scope="session")
def lakehaul() -> Callable[..., subprocess.CompletedProcess[str]]:
    return support.run_lakehaul


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., support.Project]:
    """project(tasks, source=uri, jobs=1, …) or project("text of lakehaul.yaml") writes one into tmp_path; `files` are
    further files by name."""

    def make(
        tasks: dict | str, *, files: dict[str, str] | None = None, directory: Path = tmp_path, **keys: object
    ) -> support.Project:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in (files or {}).items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if isinstance(tasks, dict):
            document = {"project": "test", "lake": "./lake", **keys, "tasks": tasks}
            tasks = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        made = support.Project(directory)
        made.path.write_text(tasks)
        return made

    return make
