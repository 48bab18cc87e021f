"""The services that other tests run against do what those tests rely on: asked by AWS's SDK, not by lakehaul."""
from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request

import boto3
import pytest
import support
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from services.aws_server import AwsServer
from services.environment import Keys, aws_env
from services.processes import server_user
from services.s3_server import Bucket, S3Server

MEBIBYTE = 1 << 20


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    """HTTP status and S3's or AWS's own name for the error."""
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_s3_server_refuses_a_signature_of_another_secret(s3_server: S3Server, s3_bucket: Bucket) -> None:
    s3_bucket.put("a", b"1")
    wrong = s3_server.client(keys=Keys(s3_server.keys.access_key, "x" * 40))
    with pytest.raises(ClientError) as error:
        wrong.get_object(Bucket=s3_bucket.name, Key="a")
    assert refusal(error) == (403, "SignatureDoesNotMatch")
    with pytest.raises(ClientError) as error:
        s3_server.client(keys=Keys()).get_object(Bucket=s3_bucket.name, Key="a")
    assert refusal(error) == (403, "InvalidAccessKeyId")
    with pytest.raises(urllib.error.HTTPError) as unsigned:
        urllib.request.urlopen(f"{s3_server.endpoint}/{s3_bucket.name}/a", timeout=10)
    assert unsigned.value.code == 403


def test_s3_server_refuses_another_region(s3_server: S3Server, s3_bucket: Bucket) -> None:
    request = AWSRequest("GET", f"{s3_server.endpoint}/{s3_bucket.name}?list-type=2")
    credentials = Credentials(s3_server.keys.access_key, s3_server.keys.secret_key)
    S3SigV4Auth(credentials, "s3", "us-west-2").add_auth(request)  # a client of boto3 would find the right one itself
    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(urllib.request.Request(request.url, headers=dict(request.headers)), timeout=10)
    assert error.value.code == 400
    answer = error.value.read().decode()
    assert "<Code>AuthorizationHeaderMalformed</Code>" in answer and f"<Region>{s3_server.region}</Region>" in answer


def test_s3_server_keeps_users_out_of_buckets_of_others(s3_server: S3Server, s3_bucket: Bucket) -> None:
    stranger = s3_server.client(keys=s3_server.new_user())
    with pytest.raises(ClientError) as error:
        stranger.put_object(Bucket=s3_bucket.name, Key="a", Body=b"1")
    assert refusal(error) == (403, "AccessDenied")


def test_s3_server_does_not_run_as_root(s3_server: S3Server) -> None:
    owner = os.stat(f"/proc/{s3_server.process.pid}").st_uid
    user = server_user()
    assert owner == (user.pw_uid if user else os.geteuid())
    assert owner != 0


def test_s3_server_takes_multipart_uploads(s3_bucket: Bucket) -> None:
    client, name = s3_bucket.client, s3_bucket.name
    parts = [os.urandom(5 * MEBIBYTE), os.urandom(5 * MEBIBYTE), b"the last one may be short"]
    upload = {"Bucket": name, "Key": "dir/part.parquet"}
    upload["UploadId"] = client.create_multipart_upload(**upload)["UploadId"]
    assert [entry["Key"] for entry in s3_bucket.uploads()] == ["dir/part.parquet"]
    done = [
        {"PartNumber": number, "ETag": client.upload_part(**upload, PartNumber=number, Body=body)["ETag"]}
        for number, body in enumerate(parts, 1)
    ]
    assert s3_bucket.keys() == [], "it is there before it was completed"
    client.complete_multipart_upload(**upload, MultipartUpload={"Parts": done})
    assert hashlib.sha256(s3_bucket.get("dir/part.parquet")).digest() == hashlib.sha256(b"".join(parts)).digest()
    ranged = client.get_object(Bucket=name, Key="dir/part.parquet", Range="bytes=-4")
    assert ranged["Body"].read() == b"hort"

    aborted = client.create_multipart_upload(Bucket=name, Key="never")["UploadId"]
    client.abort_multipart_upload(Bucket=name, Key="never", UploadId=aborted)
    assert s3_bucket.uploads() == []
    assert s3_bucket.keys() == ["dir/part.parquet"]


def test_s3_server_writes_on_conditions(s3_bucket: Bucket) -> None:
    etag = s3_bucket.put("pointer", b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as error:
        s3_bucket.put("pointer", b"2", IfNoneMatch="*")
    assert refusal(error) == (412, "PreconditionFailed")
    s3_bucket.put("pointer", b"2", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        s3_bucket.put("pointer", b"3", IfMatch=etag)
    assert refusal(error) == (412, "PreconditionFailed")
    assert s3_bucket.get("pointer") == b"2"


@pytest.mark.parametrize(
    ("algorithm", "value"),
    [
        ("CRC32", "y/Q5Jg=="),
        ("CRC64NVME", "rosUhgp5mIg="),
        ("SHA256", "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
    ],
)
def test_s3_server_checks_checksums(s3_bucket: Bucket, algorithm: str, value: str) -> None:
    s3_bucket.put("right", b"123456789", **{f"Checksum{algorithm}": value})
    with pytest.raises(ClientError) as error:
        s3_bucket.put("wrong", b"123456780", **{f"Checksum{algorithm}": value})
    assert refusal(error)[0] == 400
    assert s3_bucket.keys() == ["right"]


def test_buckets_are_a_tests_own(s3_server: S3Server) -> None:
    with s3_server.new_bucket() as one, s3_server.new_bucket() as other:
        one.put("a", b"1")
        assert other.keys() == []
    assert one.name not in [entry["Name"] for entry in s3_server.client().list_buckets()["Buckets"]]


def test_moto_has_glue_athena_and_sts(aws_server: AwsServer) -> None:
    glue = aws_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput={"Name": "orders", "StorageDescriptor": {"Location": "s3://b/1/"}})
    assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["StorageDescriptor"]["Location"] == "s3://b/1/"
    role = {"RoleArn": "arn:aws:iam::123456789012:role/lake", "RoleSessionName": "test"}
    assert aws_server.client("sts").assume_role(**role)["Credentials"]["SessionToken"]
    query = aws_server.client("athena").start_query_execution(
        QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://b/results/"}
    )
    assert query["QueryExecutionId"]


def test_moto_is_empty_for_each_test(aws_server: AwsServer) -> None:
    assert aws_server.client("glue").get_databases()["DatabaseList"] == []


def orders_table(**more: object) -> dict[str, object]:
    return {"Name": "orders", "StorageDescriptor": {"Location": "s3://b/1/"}, **more}


def test_glue_checks_versions_of_tables(aws_server: AwsServer) -> None:
    glue = aws_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    glue.create_table(DatabaseName="shop", TableInput=orders_table())
    table = glue.get_table(DatabaseName="shop", Name="orders")["Table"]
    assert table["StorageDescriptor"]["NumberOfBuckets"] == 0
    change = {"DatabaseName": "shop", "VersionId": table["VersionId"], "SkipArchive": True}
    glue.update_table(TableInput=orders_table(Description="mine"), **change)
    with pytest.raises(ClientError, match="ConcurrentModificationException"):
        glue.update_table(TableInput=orders_table(Description="another's"), **change)
    assert glue.get_table(DatabaseName="shop", Name="orders")["Table"]["Description"] == "mine"
    assert len(glue.get_table_versions(DatabaseName="shop", TableName="orders")["TableVersions"]) == 1


def test_glue_has_partition_indexes(aws_server: AwsServer) -> None:
    glue = aws_server.client("glue")
    glue.create_database(DatabaseInput={"Name": "shop"})
    table = {"DatabaseName": "shop", "TableName": "orders"}
    glue.create_table(DatabaseName="shop", TableInput=orders_table(PartitionKeys=[{"Name": "day", "Type": "date"}]))
    glue.create_partition_index(**table, PartitionIndex={"IndexName": "by_day", "Keys": ["day"]})
    with pytest.raises(ClientError, match="AlreadyExistsException"):
        glue.create_partition_index(**table, PartitionIndex={"IndexName": "by_day", "Keys": ["day"]})
    (index,) = glue.get_partition_indexes(**table)["PartitionIndexDescriptorList"]
    assert (index["IndexName"], index["IndexStatus"], index["Keys"]) == ("by_day", "ACTIVE", [{"Name": "day", "Type": "date"}])


def test_crawlers_run_as_long_as_a_test_wants(aws_server: AwsServer) -> None:
    glue = aws_server.client("glue")
    aws_server.crawls_take(polls=2)
    glue.create_crawler(Name="c", Role="r", DatabaseName="shop", Targets={"S3Targets": [{"Path": "s3://b/"}]})
    glue.update_crawler(Name="c", TablePrefix="p_")
    glue.start_crawler(Name="c")
    with pytest.raises(ClientError, match="CrawlerRunningException"):
        glue.start_crawler(Name="c")
    seen = []
    while (crawler := glue.get_crawler(Name="c")["Crawler"])["State"] != "READY":
        assert "LastCrawl" not in crawler
        seen.append(crawler["State"])
    assert "RUNNING" in seen
    assert (crawler["LastCrawl"]["Status"], crawler["TablePrefix"]) == ("SUCCEEDED", "p_")
    glue.start_crawler(Name="c")
    aws_server.crawler("c").crawls[-1].status = "FAILED"
    aws_server.crawler("c").crawls[-1].error_message = "no permission"
    aws_server.crawler("c").metrics = {"TablesCreated": 2}
    crawler = glue.get_crawler(Name="c")["Crawler"]
    assert (crawler["LastCrawl"]["Status"], crawler["LastCrawl"]["ErrorMessage"]) == ("FAILED", "no permission")
    assert glue.get_crawler_metrics(CrawlerNameList=["c"])["CrawlerMetricsList"][0]["TablesCreated"] == 2


def test_an_environment_has_no_credentials_but_those_named(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "outside" / ".aws").mkdir(parents=True)
    (tmp_path / "outside" / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = outside\naws_secret_access_key = outside\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path / "outside"))
    monkeypatch.setenv("AWS_PROFILE", "default")
    env = support.clean_environment(aws_env(tmp_path / "home"))
    for name in list(os.environ):
        if name not in env:
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    assert boto3.session.Session().get_credentials() is None
