"""What COPY sends arrives whole however it is cut: rows of any size, under TLS, slowly, and up to an error."""
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pyarrow.parquet
import pytest
import support

# Around the sizes at which buffers fill and grow, and far past them.
SIZES = [0, 1, 8191, 16384, 32735, *range(32740, 32790), 65500, 65520, 65536, 65540, 131072, 262144, 3000000]


def sized_rows_sql() -> str:
    """Texts of those sizes, no two alike, among many small ones."""
    sizes = ", ".join(map(str, SIZES))
    return (
        "SELECT n, rpad(md5(n::text), size, md5(size::text)) AS value"
        f" FROM (SELECT n, CASE n % 50 WHEN 0 THEN (ARRAY[{sizes}])[n / 50 + 1] ELSE n % 40 END AS size"
        f" FROM generate_series(0, {50 * len(SIZES) - 1}) n) rows ORDER BY n"
    )


def export(lakehaul, uri: str, query: str, out: Path, expect: int = 0) -> subprocess.CompletedProcess[str]:
    return lakehaul("export", uri, "--query", query, "-o", out, expect=expect)


def digests(path: Path) -> list[tuple[int, int, str]]:
    table = pyarrow.parquet.read_table(path)
    values = table["value"].to_pylist()
    return [(n, len(v), hashlib.md5(v.encode()).hexdigest()) for n, v in zip(table["n"].to_pylist(), values)]


def expected_digests(connection: psycopg.Connection) -> list[tuple[int, int, str]]:
    return connection.execute(
        f"SELECT n, length(value), md5(value) FROM ({sized_rows_sql()}) rows ORDER BY n"
    ).fetchall()


@pytest.mark.asan
def test_rows_of_every_size_arrive_whole(database, lakehaul, tmp_path):
    out = tmp_path / "sizes.parquet"
    export(lakehaul, database.uri, sized_rows_sql(), out)
    assert digests(out) == expected_digests(database.connection)


@pytest.fixture(scope="module")
def tls_uri(cluster, tmp_path_factory) -> Iterator[str]:
    """Of a server with a certificate of its own, which libpq's sslmode=require does not ask after."""
    openssl = support.require_tool("openssl")
    directory = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        + ["-subj", "/CN=localhost", "-keyout", directory / "server.key", "-out", directory / "server.crt"],
        check=True, capture_output=True,
    )
    with support.start_cluster(cluster.bindir) as server, psycopg.connect(server.uri, autocommit=True) as connection:
        for name in ("server.key", "server.crt"):
            text = (directory / name).read_text().strip()
            connection.execute(
                f"COPY (SELECT unnest(string_to_array('{text}', E'\\n'))) TO PROGRAM 'umask 077; cat >{name}'"
            )
        connection.execute("ALTER SYSTEM SET ssl = on")
        connection.execute("SELECT pg_reload_conf()")
        yield f"{server.uri}?sslmode=require"


def test_rows_arrive_whole_under_tls(tls_uri, lakehaul, tmp_path):
    out = tmp_path / "tls.parquet"
    with psycopg.connect(tls_uri) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchall() == [(True,)]
        expected = expected_digests(connection)
    export(lakehaul, tls_uri, sized_rows_sql(), out)
    assert digests(out) == expected


def test_rows_that_come_one_at_a_time_arrive(database, lakehaul, tmp_path):
    out = tmp_path / "slow.parquet"
    query = "SELECT n, repeat(md5(n::text), 300) || pg_sleep(0.01)::text AS value FROM generate_series(1, 30) n"
    export(lakehaul, database.uri, query, out)
    assert digests(out) == [(n, *rest) for n, *rest in database.rows(
        "SELECT n, 9600, md5(repeat(md5(n::text), 300)) FROM generate_series(1, 30) n"
    )]


@pytest.mark.parametrize("rows", [0, 1, 1000, 100000])
def test_an_error_after_rows_is_the_servers_own(rows, database, lakehaul, tmp_path):
    out = tmp_path / "error.parquet"
    query = f"SELECT 1 / ({rows} - n) AS value FROM generate_series(0, {rows}) n"
    result = export(lakehaul, database.uri, query, out, expect=1)
    assert "division by zero" in result.stderr
    assert not out.exists()
