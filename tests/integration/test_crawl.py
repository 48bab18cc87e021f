"""lakehaul crawl in all its branches: against moto where it has them, else against a Glue whose crawls take as long and
end as a test says, and which holds requests against the service's own model."""
from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import support
from processes import wait_until
from services.environment import REGION, Keys
from services.glue_crawlers import Crawl, CrawlerServer

pytestmark = pytest.mark.asan

ROLE = "arn:aws:iam::123456789012:role/GlueCrawler"


@pytest.fixture
def glue() -> Iterator[CrawlerServer]:
    with CrawlerServer() as server:
        yield server


class Crawler:
    """A project with a crawler, and the environment that has it ask `endpoint`."""

    def __init__(self, directory: Path, env: dict[str, str | None], endpoint: str) -> None:
        self.directory = directory
        self.env = {**env, **Keys().env(), "AWS_REGION": REGION, "AWS_ENDPOINT_URL_GLUE": endpoint}
        self.settings: dict[str, Any] = {"role": ROLE, "retry_interval": "30ms"}
        self.lake = "s3://lake/shop"

    def write(self) -> None:
        document = {
            "project": "shop", "lake": self.lake, "aws": {"region": REGION}, "crawler": self.settings,
            "tasks": {"t": {"sql": "t.sql"}},
        }
        (self.directory / "t.sql").write_text("select 1 as a")
        (self.directory / "lakehaul.yaml").write_text(json.dumps(document))

    def run(self, *args: str, expect: int = 0, **settings: Any) -> subprocess.CompletedProcess[str]:
        self.settings |= settings
        self.write()
        return support.run_lakehaul("crawl", *args, env=self.env, cwd=self.directory, expect=expect)

    def refusal(self, expect: int, *args: str, **settings: Any) -> tuple[dict[str, Any], str]:
        """The JSON, and what stderr says last: message and hint."""
        result = self.run("--json", *args, expect=expect, **settings)
        answer = json.loads(result.stdout)
        assert answer["result"] == "error"
        assert f"lakehaul: {answer['error']}" in result.stderr
        return answer, result.stderr


@pytest.fixture
def crawler(tmp_path: Path, aws_home: dict[str, str | None], glue: CrawlerServer) -> Crawler:
    return Crawler(tmp_path, aws_home, glue.endpoint)


# Made, started, waited for.


def test_a_missing_crawler_is_made_and_its_crawl_waited_for(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(looks=3)]
    result = crawler.run(table_prefix="raw_")
    assert result.stdout.startswith("crawler shop: succeeded after ")
    assert result.stdout.endswith(", tables: 2 created, 3 updated, 0 deleted\n")
    assert "crawler shop was made, for s3://lake/shop/\ncrawler shop was started\n" in result.stderr
    (made,) = glue.inputs("CreateCrawler")
    assert json.loads(made.pop("Configuration")) == {
        "Version": 1.0,
        "Grouping": {"TableGroupingPolicy": "CombineCompatibleSchemas", "TableLevelConfiguration": 3},
        "CrawlerOutput": {"Partitions": {"AddOrUpdateBehavior": "InheritFromTable"}},
    }
    assert made == {
        "Name": "shop", "Role": ROLE, "DatabaseName": "shop", "Description": "the tables of a lake of lakehaul",
        "Targets": {"S3Targets": [{"Path": "s3://lake/shop/", "Exclusions": ["_lakehaul/**"]}]}, "TablePrefix": "raw_",
        "SchemaChangePolicy": {"UpdateBehavior": "UPDATE_IN_DATABASE", "DeleteBehavior": "DEPRECATE_IN_DATABASE"},
        "RecrawlPolicy": {"RecrawlBehavior": "CRAWL_EVERYTHING"},
    }
    assert list(glue.databases) == ["shop"]
    assert glue.starts() == 1


@pytest.mark.parametrize(("lake", "level"), [("s3://lake", 2), ("s3://lake/", 2), ("s3://lake/a/b/", 4)])
def test_tables_are_directories_of_the_lakes_root(glue: CrawlerServer, crawler: Crawler, lake: str, level: int) -> None:
    crawler.lake = lake
    crawler.run()
    (made,) = glue.inputs("CreateCrawler")
    assert json.loads(made["Configuration"])["Grouping"]["TableLevelConfiguration"] == level


def test_an_existing_crawler_is_started(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop", LastCrawl={"Status": "FAILED", "StartTime": time.time() - 3600})
    answer = json.loads(crawler.run("--json").stdout)
    assert answer.pop("seconds") >= 0
    assert answer == {
        "crawler": "shop", "database": "shop", "lake": "s3://lake/shop", "result": "succeeded", "problem": None,
        "status": "SUCCEEDED", "crawler_created": False, "start_attempts": 1,
        "tables": {"created": 2, "updated": 3, "deleted": 0},
    }
    assert "CreateCrawler" not in glue.actions()


def test_one_that_somebody_makes_meanwhile_is_as_good(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.before("CreateCrawler", lambda _: glue.add("shop"))
    result = crawler.run()
    assert "crawler shop, for s3://lake/shop/, is there already" in result.stderr
    assert "succeeded" in result.stdout


def test_no_wait_starts_it_alone(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(looks=10**6)]
    assert crawler.run("--no-wait").stdout == "crawler shop: started\n"
    assert glue.actions()[-1] == "StartCrawler"


def test_the_projects_wait_may_be_overruled(glue: CrawlerServer, crawler: Crawler) -> None:
    assert json.loads(crawler.run("--json", wait=False).stdout)["result"] == "started"
    glue.finish("shop")
    assert json.loads(crawler.run("--json", "--wait").stdout)["result"] == "succeeded"


def test_metrics_that_may_not_be_asked_are_no_failure(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.fail("GetCrawlerMetrics", "AccessDeniedException")
    answer = json.loads(crawler.run("--json").stdout)
    assert (answer["result"], answer["tables"], answer["problem"]) == ("succeeded", None, None)


def test_without_a_project_file(glue: CrawlerServer, crawler: Crawler) -> None:
    def crawl(*args: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        return support.run_lakehaul("crawl", "nightly", "--interval", "1", *args, env=crawler.env, expect=expect)

    missing = crawl(expect=20)
    assert "there is no crawler nightly in Glue, and it cannot be made without a lake on S3" in missing.stderr
    missing = crawl("--lake", "s3://lake/shop", expect=20)
    assert "cannot be made without a role" in missing.stderr
    missing = crawl("--lake", "s3://lake/shop", "--role", ROLE, expect=20)
    assert "cannot be made without a database" in missing.stderr
    crawl("--lake", "s3://lake/shop", "--role", ROLE, "--database", "d")
    assert glue.inputs("CreateCrawler")[0]["DatabaseName"] == "d"
    assert "succeeded" in crawl().stdout  # whatever it crawls
    aws = Path(crawler.env["HOME"]) / ".aws"
    aws.mkdir()
    keys = Keys()
    (aws / "credentials").write_text(
        f"[prod]\naws_access_key_id = {keys.access_key}\naws_secret_access_key = {keys.secret_key}\n"
    )
    assert "succeeded" in crawl("--aws-profile", "prod", "--aws-region", "eu-north-1").stdout
    assert f"{keys.access_key}/" in (signed := glue.matching("StartCrawler")[-1].headers.get("authorization"))
    assert "/eu-north-1/glue/" in signed


# Running already.


def test_a_crawl_under_way_is_waited_for_and_another_started(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.occupy("shop", Crawl(looks=5))
    answer = json.loads(crawler.run("--json").stdout)
    assert answer["result"] == "succeeded"
    assert answer["start_attempts"] > 1
    assert glue.starts() == answer["start_attempts"]


def test_attempts_are_used_up(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.occupy("shop", Crawl(looks=10**6))
    answer, stderr = crawler.refusal(21, retries=3)
    assert answer["problem"] == "still running"
    assert answer["error"] == "crawler shop was still running another crawl after 4 attempts to start it, 0.0 s apart"
    assert "hint: wait longer with more retries, or let it be: wait: false" in stderr
    assert "crawler shop is running already: asking again, 3 times at most" in stderr
    assert glue.starts() == answer["start_attempts"] == 4


def test_a_crawl_under_way_is_left_to_itself(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.occupy("shop", Crawl(looks=10**6))
    result = crawler.run("--no-wait")
    assert result.stdout == "crawler shop: left running\n"
    assert "is left to itself: it may miss what is new" in result.stderr
    assert glue.starts() == 1


def test_a_start_whose_answer_was_lost_is_not_repeated(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.to_come = [Crawl(looks=6)]
    glue.fail_after("StartCrawler", "InternalServiceException", status=500)
    answer = json.loads(crawler.run("--json").stdout)
    assert answer["result"] == "succeeded"
    assert glue.starts() == 2  # the second is told that it runs, and sees that it is the one of the first


def test_one_that_stops_is_waited_for(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.occupy("shop", Crawl(looks=3, state="STOPPING", status="CANCELLED"))
    result = crawler.run()
    assert "crawler shop is stopping: asking again, 20 times at most" in result.stderr
    assert "succeeded" in result.stdout


def test_one_that_does_not_stop(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.occupy("shop", Crawl(looks=10**6, state="STOPPING"))
    answer, stderr = crawler.refusal(22, retries=1)
    assert answer["problem"] == "still stopping"
    assert "was still stopping after 2 attempts to start it" in answer["error"]


# What Glue refuses.


def test_operation_timeouts_are_tried_again(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.fail("StartCrawler", "OperationTimeoutException", times=2)
    assert "succeeded" in crawler.run().stdout
    assert glue.starts() == 3


@pytest.mark.slow
def test_operation_timeouts_without_end(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.fail("StartCrawler", "OperationTimeoutException", times=1000)
    answer, stderr = crawler.refusal(23, retries=0)
    assert answer["problem"] == "operation timeout"
    assert "Glue did not start crawler shop in time (OperationTimeoutException)" in answer["error"]
    assert "hint: Glue is busy" in stderr


def test_throttling_passes(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.fail("GetCrawler", "ThrottlingException", times=2)
    glue.fail("StartCrawler", "ThrottlingException", times=2, message="Rate exceeded")
    assert "succeeded" in crawler.run().stdout


@pytest.mark.slow
def test_throttling_without_end(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.fail("StartCrawler", "ThrottlingException", times=1000, message="Rate exceeded")
    answer, stderr = crawler.refusal(24)
    assert answer["problem"] == "throttled"
    assert "Rate exceeded" in answer["error"]
    assert "hint: Glue takes fewer requests" in stderr


REFUSALS = {
    "get": ("GetCrawler", "allow the credentials, from environment variables, glue:GetCrawler of crawler/shop"),
    "start": ("StartCrawler", "allow the credentials, from environment variables, glue:StartCrawler of crawler/shop"),
    "create": ("CreateCrawler", "glue:CreateCrawler, and iam:PassRole of"),
    "database": ("CreateDatabase", "glue:CreateDatabase"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_access_denied(glue: CrawlerServer, crawler: Crawler, case: str) -> None:
    action, hint = REFUSALS[case]
    glue.fail(action, "AccessDeniedException", message="User is not authorized")
    answer, stderr = crawler.refusal(28)
    assert answer["problem"] == "refused"
    assert hint in answer["hint"]


def test_a_role_that_may_not_be_passed(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.fail("CreateCrawler", "AccessDeniedException", message="User is not authorized to perform: iam:PassRole")
    answer, _ = crawler.refusal(28)
    assert answer["hint"] == f"allow the credentials, from environment variables, iam:PassRole of {ROLE}"


def test_a_role_that_glue_may_not_assume(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.fail("CreateCrawler", "InvalidInputException", message="Service is unable to assume provided role")
    answer, _ = crawler.refusal(29)
    assert "unable to assume" in answer["error"]
    assert "trust glue.amazonaws.com" in answer["hint"]


def test_too_many_crawlers(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.fail("CreateCrawler", "ResourceNumberLimitExceededException")
    answer, _ = crawler.refusal(29)
    assert "as many crawlers as it may" in answer["hint"]


def test_a_crawler_of_something_else(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop", path="s3://lake/shop2/")
    answer, _ = crawler.refusal(29)
    assert answer["error"] == "crawler shop does not crawl s3://lake/shop/ but s3://lake/shop2/"
    assert glue.starts() == 0


def test_a_crawler_of_more_and_another_database(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop", path="s3://lake", database="other")
    assert "crawler shop writes to database other, not shop" in crawler.run().stderr


def test_a_missing_crawler_without_a_role(glue: CrawlerServer, crawler: Crawler) -> None:
    crawler.settings.pop("role")
    answer, stderr = crawler.refusal(20)
    assert answer["problem"] == "missing"
    assert answer["error"] == "there is no crawler shop in Glue, and it cannot be made without a role"


def test_one_that_is_deleted_meanwhile(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.before("StartCrawler", lambda _: glue.crawlers.clear())
    answer, stderr = crawler.refusal(20)
    assert answer["problem"] == "missing"
    assert "it was deleted meanwhile" in answer["hint"]


def test_one_that_is_deleted_while_it_is_waited_for(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.before("GetCrawler", lambda _: None)
    glue.before("GetCrawler", lambda _: glue.crawlers.clear())
    answer, _ = crawler.refusal(20)
    assert "it was deleted meanwhile" in answer["hint"]


def test_unknown_exceptions_are_told_as_they_are(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.add("shop")
    glue.fail("StartCrawler", "SomethingNewException", message="of which nobody has heard")
    answer, _ = crawler.refusal(4)
    assert answer["problem"] == "other"
    assert "of which nobody has heard (SomethingNewException" in answer["error"]


# How it ends.


def test_a_crawl_that_fails(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(status="FAILED", message="Insufficient Lake Formation permission(s)")]
    answer, stderr = crawler.refusal(26)
    assert answer["error"] == "the crawl of crawler shop failed: Insufficient Lake Formation permission(s)"
    assert (answer["problem"], answer["status"]) == ("failed", "FAILED")
    assert "group /aws-glue/crawlers, stream shop" in answer["hint"]


def test_a_crawl_that_is_cancelled(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(status="CANCELLED")]
    answer, _ = crawler.refusal(27)
    assert answer["error"] == "the crawl of crawler shop was cancelled in Glue"
    assert (answer["problem"], answer["status"]) == ("cancelled", "CANCELLED")


def test_a_crawl_that_ends_in_an_unknown_way(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(status="ABANDONED")]
    answer, _ = crawler.refusal(4)
    assert answer["error"] == 'the crawl of crawler shop ended as "ABANDONED"'


def test_a_crawl_that_does_not_end_in_time(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(looks=10**6)]
    answer, stderr = crawler.refusal(25, timeout="300ms")
    assert answer["problem"] == "unfinished"
    assert answer["error"] == "crawler shop has not ended its crawl within 0.3 s"
    assert "hint: it goes on in Glue" in stderr


def test_a_crawl_before_ours_is_not_taken_for_it(glue: CrawlerServer, crawler: Crawler) -> None:
    """Glue may show READY and the last crawl for a moment after the start."""
    glue.add("shop", LastCrawl={"Status": "FAILED", "StartTime": time.time() - 60})
    stale = dict(glue.crawlers["shop"])
    answers = [stale, stale, stale]
    real = glue._GetCrawler
    glue._GetCrawler = lambda input: {"Crawler": answers.pop()} if answers else real(input)  # type: ignore[method-assign]
    assert "succeeded" in crawler.run().stdout


def test_an_interrupt_ends_the_waiting_alone(glue: CrawlerServer, crawler: Crawler) -> None:
    glue.to_come = [Crawl(looks=10**6)]
    crawler.settings["retry_interval"] = "1s"
    crawler.write()
    process = support.start_lakehaul("crawl", env=crawler.env, cwd=crawler.directory)
    wait_until(lambda: glue.starts() == 1, "the crawl is started")
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "interrupted: the crawl of crawler shop goes on in Glue" in stderr
    assert "StopCrawler" not in glue.actions()


@pytest.mark.slow
def test_glue_away_is_one_clear_error(crawler: Crawler) -> None:
    crawler.env |= {"AWS_ENDPOINT_URL_GLUE": "http://127.0.0.1:9"}
    answer, _ = crawler.refusal(4)
    assert "127.0.0.1:9" in answer["error"]


def test_no_credentials(crawler: Crawler) -> None:
    crawler.env |= {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}
    answer, _ = crawler.refusal(4)
    assert "no AWS credentials" in answer["error"]


# moto.


def test_moto_makes_starts_and_ends_it(tmp_path: Path, aws_server: Any, aws_services_env: dict[str, str | None]) -> None:
    crawler = Crawler(tmp_path, aws_services_env, aws_server.endpoint)
    client = aws_server.client("glue")
    aws_server.crawls_take(3)
    assert "succeeded" in crawler.run().stdout
    made = client.get_crawler(Name="shop")["Crawler"]
    assert made["Targets"]["S3Targets"] == [{"Path": "s3://lake/shop/", "Exclusions": ["_lakehaul/**"]}]
    assert made["DatabaseName"] == "shop"
    assert client.get_database(Name="shop")["Database"]["Name"] == "shop"
    assert "succeeded" in crawler.run().stdout
    assert len(client.list_crawls(CrawlerName="shop")["Crawls"]) == 2


def test_moto_runs_one_already(tmp_path: Path, aws_server: Any, aws_services_env: dict[str, str | None]) -> None:
    crawler = Crawler(tmp_path, aws_services_env, aws_server.endpoint)
    client = aws_server.client("glue")
    aws_server.crawls_take(6)
    targets = {"S3Targets": [{"Path": "s3://lake/shop"}]}
    client.create_crawler(Name="shop", Role=ROLE, DatabaseName="shop", Targets=targets)
    client.start_crawler(Name="shop")
    result = crawler.run()
    assert "crawler shop is running already: asking again, 20 times at most" in result.stderr
    assert "succeeded" in result.stdout
    assert len(client.list_crawls(CrawlerName="shop")["Crawls"]) == 2
