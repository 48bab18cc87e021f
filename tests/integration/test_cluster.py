"""scripts/cluster.sh: what the demo and these tests stand on."""
import os
import subprocess
from pathlib import Path

import psycopg
from support import CLUSTER_SCRIPT


def script(*args: str | Path) -> str:
    result = subprocess.run([CLUSTER_SCRIPT, *args], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return result.stdout.strip()


def test_the_uri_connects_with_its_percent_encoded_password(cluster):
    assert "%40" in cluster.uri
    with psycopg.connect(cluster.uri) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("lakehaul",)


def test_starting_twice_is_one_cluster_and_its_data_outlives_a_stop(cluster, tmp_path):
    # pytest's directories are closed to others, so that this is also the case of a server user without access.
    directory = tmp_path / "cluster"
    try:
        uri = script("start", directory)
        assert script("start", directory) == uri
        assert (directory / "uri").read_text().strip() == uri
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS n")
        script("stop", directory)
        script("stop", directory)
        with psycopg.connect(script("start", directory)) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)
    finally:
        home = (directory / "home").read_text().strip()
        script("remove", directory)
    assert not directory.exists() and not Path(home).exists()


def test_a_stale_pid_file_of_a_living_stranger_does_not_stop_the_stranger(cluster, tmp_path):
    directory = tmp_path / "cluster"
    try:
        script("start", directory)
        script("stop", directory)
        home = Path((directory / "home").read_text().strip())
        with subprocess.Popen(["sleep", "60"]) as stranger:
            try:
                (home / "data" / "postmaster.pid").write_text(f"{stranger.pid}\n{home}/data\n")
                os.chmod(home / "data" / "postmaster.pid", 0o644)
                script("stop", directory)
                assert stranger.poll() is None
                with psycopg.connect(script("start", directory)) as connection:
                    assert connection.execute("SELECT 1").fetchone() == (1,)
                assert stranger.poll() is None
            finally:
                stranger.kill()
    finally:
        script("remove", directory)
