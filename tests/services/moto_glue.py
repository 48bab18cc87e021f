"""What AWS's Glue does and moto does not, added to moto by its documentation: the defaults in storage descriptors (Trino
fails without them), VersionId and SkipArchive of UpdateTable, partition indexes, column statistics (none), UpdateCrawler,
GetCrawlerMetrics, and a crawler's LastCrawl, which is the last one that ended and has names of its own for how."""
from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.glue.exceptions import AlreadyExistsException, GlueClientError, InvalidInputException, PartitionNotFoundException
from moto.glue.models import FakeCrawler, FakePartition, FakeTable
from moto.glue.responses import GlueResponse

DESCRIPTOR = {"NumberOfBuckets": 0, "Compressed": False, "StoredAsSubDirectories": False}
ENDED = {"COMPLETED": "SUCCEEDED", "STOPPED": "CANCELLED", "FAILED": "FAILED"}
MAX_PARTITION_INDEXES = 3
CRAWLER_SETTINGS = {
    "Role": "role", "DatabaseName": "database_name", "Description": "description", "Targets": "targets",
    "Classifiers": "classifiers", "TablePrefix": "table_prefix", "SchemaChangePolicy": "schema_change_policy",
    "RecrawlPolicy": "recrawl_policy", "LineageConfiguration": "lineage_configuration", "Configuration": "configuration",
}
METRICS = ("TablesCreated", "TablesUpdated", "TablesDeleted")

moto_table, moto_partition, moto_crawler = FakeTable.as_dict, FakePartition.as_dict, FakeCrawler.as_dict
moto_update_table, moto_batch_get_partition = GlueResponse.update_table, GlueResponse.batch_get_partition
moto_get_partitions = GlueResponse.get_partitions


def with_defaults(shown: dict[str, Any]) -> dict[str, Any]:
    if "StorageDescriptor" in shown:
        shown["StorageDescriptor"] = {**DESCRIPTOR, **shown["StorageDescriptor"]}
    return shown


def table_as_dict(table: FakeTable, version: str | None = None) -> dict[str, Any]:
    return with_defaults(moto_table(table, version))


def partition_as_dict(partition: FakePartition) -> dict[str, Any]:
    return with_defaults(moto_partition(partition))


def table_of(response: GlueResponse, name: str | None = None) -> FakeTable:
    asked = response.parameters
    return response.glue_backend.get_table(asked["DatabaseName"], name or asked["TableName"])


def update_table(response: GlueResponse) -> ActionResult:
    asked = response.parameters
    table = table_of(response, asked["TableInput"]["Name"])
    current = table.as_dict()["VersionId"]
    if asked.get("VersionId") not in (None, current):
        raise GlueClientError("ConcurrentModificationException", "Update table failed due to concurrent modifications.")
    answer = moto_update_table(response)
    if asked.get("SkipArchive"):
        table.delete_version(current)
    return answer


def indexes_of(table: FakeTable) -> dict[str, dict[str, Any]]:
    return table.__dict__.setdefault("partition_indexes", {})


def create_partition_index(response: GlueResponse) -> ActionResult:
    index, table = response.parameters["PartitionIndex"], table_of(response)
    indexes = indexes_of(table)
    types = {key["Name"]: key["Type"] for key in table.as_dict().get("PartitionKeys", [])}
    if index["IndexName"] in indexes:
        raise AlreadyExistsException("Index")
    if unknown := [key for key in index["Keys"] if key not in types]:
        raise InvalidInputException("CreatePartitionIndex", f"no partition keys: {unknown}")
    if len(indexes) == MAX_PARTITION_INDEXES:
        raise GlueClientError("ResourceNumberLimitExceededException", "Number of partition indexes exceeds the limit")
    indexes[index["IndexName"]] = {
        "IndexName": index["IndexName"],
        "Keys": [{"Name": key, "Type": types[key]} for key in index["Keys"]],
        "IndexStatus": "ACTIVE",
    }
    return EmptyResult()


def get_partition_indexes(response: GlueResponse) -> ActionResult:
    return ActionResult({"PartitionIndexDescriptorList": list(indexes_of(table_of(response)).values())})


def delete_partition_index(response: GlueResponse) -> ActionResult:
    if indexes_of(table_of(response)).pop(response.parameters["IndexName"], None) is None:
        raise PartitionNotFoundException
    return EmptyResult()


def crawler_as_dict(crawler: FakeCrawler) -> dict[str, Any]:
    if crawler.crawls:
        crawler.crawls[-1].advance()
    shown = moto_crawler(crawler)
    shown.pop("LastCrawl", None)
    ended = [crawl for crawl in crawler.crawls if crawl.status in ENDED]
    if ended:
        last = ended[-1]
        shown["LastCrawl"] = {
            "Status": ENDED[last.status], "LogGroup": last.log_group, "LogStream": last.log_stream,
            "MessagePrefix": last.message_prefix, "StartTime": last.start_time,
        }
        if message := getattr(last, "error_message", None):
            shown["LastCrawl"]["ErrorMessage"] = message
    return shown


def update_crawler(response: GlueResponse) -> ActionResult:
    asked = response.parameters
    crawler = response.glue_backend.get_crawler(asked["Name"])
    if crawler.status == "RUNNING":
        raise GlueClientError("CrawlerRunningException", f"Crawler with name {crawler.name} is running")
    for name, attribute in CRAWLER_SETTINGS.items():
        if name in asked:
            setattr(crawler, attribute, asked[name])
    crawler.version += 1
    return EmptyResult()


def get_crawler_metrics(response: GlueResponse) -> ActionResult:
    names = response.parameters.get("CrawlerNameList") or [crawler.name for crawler in response.glue_backend.get_crawlers()]
    found = []
    for name in names:
        crawler = response.glue_backend.get_crawler(name)
        counts = getattr(crawler, "metrics", {})
        found.append({
            "CrawlerName": name, "StillEstimating": False, "TimeLeftSeconds": 0.0, "LastRuntimeSeconds": 60.0,
            "MedianRuntimeSeconds": 60.0, **{count: counts.get(count, 0) for count in METRICS},
        })
    return ActionResult({"CrawlerMetricsList": found})


def batch_get_partition(response: GlueResponse) -> ActionResult:
    """With the list of keys that were not processed, which Trino takes for given."""
    answer = moto_batch_get_partition(response)
    answer.result.setdefault("UnprocessedKeys", [])
    return answer


def get_partitions(response: GlueResponse) -> ActionResult:
    """Of the segment that is asked for: Trino asks for five at a time and takes each partition for another one."""
    answer = moto_get_partitions(response)
    if segment := response.parameters.get("Segment"):
        partitions = answer.result["Partitions"]
        answer.result["Partitions"] = partitions[segment["SegmentNumber"] :: segment["TotalSegments"]]
    return answer


def no_column_statistics(_: GlueResponse) -> ActionResult:
    """Trino asks for them and writes them; that there are none is no error."""
    return ActionResult({"ColumnStatisticsList": [], "Errors": []})


def add() -> None:
    FakeTable.as_dict = table_as_dict
    FakePartition.as_dict = partition_as_dict
    FakeCrawler.as_dict = crawler_as_dict
    for action in (
        update_table, create_partition_index, get_partition_indexes, delete_partition_index, update_crawler,
        get_crawler_metrics, batch_get_partition, get_partitions,
    ):
        setattr(GlueResponse, action.__name__, action)
    for verb in ("get", "update", "delete"):
        for of in ("table", "partition"):
            setattr(GlueResponse, f"{verb}_column_statistics_for_{of}", no_column_statistics)
