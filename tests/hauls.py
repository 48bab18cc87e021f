"""Projects for fixtures of any scope, and what a run of them did, task by task."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import Database, Project, lake_files


def make_project(directory: Path, database: Database, tasks: dict, **keys: object) -> Project:
    directory.mkdir(exist_ok=True)
    document = {"project": "test", "source": database.uri, "lake": "./lake", "jobs": 2, **keys, "tasks": tasks}
    project = Project(directory)
    project.path.write_text(json.dumps(document, ensure_ascii=False))  # JSON is YAML
    return project


@dataclass
class Haul:
    """A run of which some tasks may have failed."""

    project: Project
    tasks: dict[str, dict]
    stderr: str

    def files(self, task: str) -> list[Path]:
        if self.tasks[task]["status"] != "published":
            pytest.fail(f"task {task} failed: {self.tasks[task]['error']['message']}", pytrace=False)
        return lake_files(self.project.lake, task)

    def warnings(self, task: str) -> list[str]:
        return [line for line in self.stderr.splitlines() if f"task {task}: " in line]


def haul(project: Project, *args: str, expect: int | None = 0) -> Haul:
    result = project.run("--json", *args, expect=expect)
    return Haul(project, {task["task"]: task for task in json.loads(result.stdout)["tasks"]}, result.stderr)


def assert_verified(project: Project) -> None:
    """All tables are as the live database has them, every column by its checksum."""
    for task in json.loads(project.lakehaul("verify", "--json", expect=0).stdout)["tasks"]:
        assert task["status"] == "equal", task["task"]
        assert {column["compared"] for column in task["columns"]} == {"checksum"}, task["task"]
