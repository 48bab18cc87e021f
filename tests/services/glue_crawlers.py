"""Crawlers of Glue, with the branches that moto lacks: a crawl takes as many looks (GetCrawler) as a test says and ends as
it says, another one may be under way or stopping already, and GetCrawlerMetrics answers. Faults are programmed as with
any GlueServer. As in Glue, LastCrawl is that which has ended."""
from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from services.glue_server import GlueFault, GlueServer


@dataclass
class Crawl:
    looks: int = 1
    """How often GetCrawler sees it run. A large number: it does not end."""
    status: str = "SUCCEEDED"
    message: str = ""
    state: str = "RUNNING"
    """STOPPING: somebody has stopped it."""
    started: float = 0.0


class CrawlerServer(GlueServer):
    def __init__(self) -> None:
        self.crawlers: dict[str, dict[str, Any]] = {}
        self.to_come: list[Crawl] = []
        """Of the crawls that StartCrawler begins, in their order; then each is Crawl()."""
        self.counts = {"TablesCreated": 2, "TablesUpdated": 3, "TablesDeleted": 0}
        self._current: dict[str, Crawl] = {}
        super().__init__()

    def add(self, name: str, *, path: str = "s3://lake/shop/", database: str = "shop", **members: Any) -> None:
        """A crawler that is there already."""
        self.crawlers[name] = {
            "Name": name, "Role": "GlueRole", "DatabaseName": database, "Targets": {"S3Targets": [{"Path": path}]},
            "State": "READY", **members,
        }

    def occupy(self, name: str, crawl: Crawl, *, seconds_ago: float = 60) -> None:
        """Somebody else's crawl is under way."""
        crawl.started = time.time() - seconds_ago
        self._begin(name, crawl)

    def finish(self, name: str) -> None:
        """What is under way ends with the next look."""
        self._current[name].looks = 0
        self._GetCrawler({"Name": name})

    def starts(self) -> int:
        return self.actions().count("StartCrawler")

    def _begin(self, name: str, crawl: Crawl) -> None:
        self._current[name] = crawl
        self.crawlers[name]["State"] = crawl.state

    def _crawler(self, name: str) -> dict[str, Any]:
        if name not in self.crawlers:
            raise GlueFault("EntityNotFoundException", f"Crawler with name {name} does not exist")
        return self.crawlers[name]

    def _CreateCrawler(self, input: dict[str, Any]) -> dict[str, Any]:
        if input["Name"] in self.crawlers:
            raise GlueFault("AlreadyExistsException", f"Crawler {input['Name']} already exists")
        self.crawlers[input["Name"]] = {**input, "State": "READY"}
        return {}

    def _GetCrawler(self, input: dict[str, Any]) -> dict[str, Any]:
        crawler = self._crawler(input["Name"])
        crawl = self._current.get(input["Name"])
        if crawl is None:
            return {"Crawler": crawler}
        if crawl.looks > 0:
            crawl.looks -= 1
            return {"Crawler": {**crawler, "CrawlElapsedTime": max(1, int((time.time() - crawl.started) * 1000))}}
        del self._current[input["Name"]]
        crawler["State"] = "READY"
        crawler["LastCrawl"] = {
            "Status": crawl.status, "StartTime": crawl.started, "LogGroup": "/aws-glue/crawlers", "LogStream": input["Name"],
            **({"ErrorMessage": crawl.message} if crawl.message else {}),
        }
        return {"Crawler": crawler}

    def _StartCrawler(self, input: dict[str, Any]) -> dict[str, Any]:
        crawler = self._crawler(input["Name"])
        if crawler["State"] != "READY":
            state = crawler["State"].capitalize()
            raise GlueFault(f"Crawler{state}Exception", f"Crawler with name {input['Name']} is {state.lower()}")
        crawl = self.to_come.pop(0) if self.to_come else Crawl()
        crawl.started = time.time()
        self._begin(input["Name"], crawl)
        return {}

    def _GetCrawlerMetrics(self, input: dict[str, Any]) -> dict[str, Any]:
        metrics = [{"CrawlerName": name, **self.counts} for name in input["CrawlerNameList"] if name in self.crawlers]
        return {"CrawlerMetricsList": metrics}
