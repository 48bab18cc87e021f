"""lakehaul export -o s3://…, as boto3, pyarrow and the disk see it."""
from __future__ import annotations

import io
import resource
from pathlib import Path

import pyarrow.fs
import pyarrow.parquet as pq
import pytest
from services.s3_server import Bucket, S3Server
from support import Database, run_lakehaul

ROWS = 150_000


@pytest.fixture(scope="module")
def noise(module_database: Database) -> Database:
    """19 MB that no codec makes smaller."""
    module_database.execute(
        "CREATE TABLE noise AS SELECT i AS id, (SELECT decode(string_agg(md5((i * 8 + n)::text), ''), 'hex')"
        f" FROM generate_series(1, 8) AS n) AS noise FROM generate_series(1, {ROWS}) AS i"
    )
    return module_database


def export(database: Database, output: str, env: dict, *args: str, expect: int = 0, **options):
    return run_lakehaul(
        "export", database.uri, "-t", "noise", "-o", output, "--compression", "none", *args, env=env, expect=expect,
        **options,
    )


def test_one_object_is_the_file_that_a_local_export_writes(noise, s3_bucket: Bucket, s3_env, tmp_path: Path) -> None:
    result = export(noise, f"{s3_bucket.url}/dir/a b+c=ü.parquet", s3_env)
    assert result.stdout.startswith(f"{s3_bucket.url}/dir/a b+c=ü.parquet: 150,000 rows")
    export(noise, str(tmp_path / "local.parquet"), s3_env)
    assert s3_bucket.keys() == ["dir/a b+c=ü.parquet"]
    assert s3_bucket.get("dir/a b+c=ü.parquet") == (tmp_path / "local.parquet").read_bytes()
    assert "-" in s3_bucket.client.head_object(Bucket=s3_bucket.name, Key="dir/a b+c=ü.parquet")["ETag"]
    assert s3_bucket.uploads() == []


def test_a_directory_is_what_pyarrow_reads_as_a_dataset(noise, s3_server: S3Server, s3_bucket: Bucket, s3_env) -> None:
    export(noise, f"{s3_bucket.url}/noise/", s3_env, "--streams", "2", "--file-size", "6MB")
    assert len(s3_bucket.keys("noise/")) >= 3
    filesystem = pyarrow.fs.S3FileSystem(
        access_key=s3_server.keys.access_key, secret_key=s3_server.keys.secret_key, region=s3_server.region,
        endpoint_override=s3_server.endpoint.removeprefix("http://"), scheme="http", force_virtual_addressing=False,
    )
    table = pq.read_table(f"{s3_bucket.name}/noise", filesystem=filesystem)
    assert sorted(table.column("id").to_pylist()) == list(range(1, ROWS + 1))


def test_replace_puts_new_parts_in_the_place_of_old_ones(noise, s3_bucket: Bucket, s3_env) -> None:
    for number in range(3):
        s3_bucket.put(f"noise/part-0000{number}.parquet", b"old")
    s3_bucket.put("noise/README", b"not a part")
    refused = export(noise, f"{s3_bucket.url}/noise/", s3_env, "--streams", "1", expect=2)
    assert f"{s3_bucket.url}/noise/ already holds part-00000.parquet" in refused.stderr
    export(noise, f"{s3_bucket.url}/noise/", s3_env, "--streams", "1", "--replace")
    assert s3_bucket.keys() == ["noise/README", "noise/part-00000.parquet"]
    assert pq.read_metadata(io.BytesIO(s3_bucket.get("noise/part-00000.parquet"))).num_rows == ROWS


def test_nothing_of_it_is_written_to_disk(noise, s3_bucket: Bucket, s3_env, tmp_path) -> None:
    """Under this limit the kernel refuses the first byte to a file."""
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))}
    export(noise, f"{s3_bucket.url}/noise.parquet", s3_env, **limited)
    export(noise, f"{s3_bucket.url}/noise/", s3_env, "--file-size", "6MB", **limited)
    assert len(s3_bucket.get("noise.parquet")) > 18_000_000
    refused = export(noise, str(tmp_path / "local.parquet"), s3_env, expect=4, **limited)
    assert "File too large" in refused.stderr
