"""Help, versions and the words that are no commands."""
from __future__ import annotations

import re

import pytest

import golden
from support import ROOT, run_lakehaul

COMMANDS = ("init", "check", "plan", "run", "verify", "query", "inspect", "export", "crawl", "gc")
LATER_COMMANDS = ("load", "model", "status", "report", "grants", "build")


def test_help_of_the_program():
    golden.check("help", run_lakehaul("--help", expect=0).stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_each_command(command: str):
    result = run_lakehaul(command, "--help", expect=0)
    assert result.stderr == ""
    golden.check(f"help-{command}", result.stdout)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_can_be_asked_for_in_three_ways(command: str):
    wanted = run_lakehaul(command, "--help", expect=0).stdout
    assert run_lakehaul(command, "-h", expect=0).stdout == wanted
    assert run_lakehaul("help", command, expect=0).stdout == wanted


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_terminal(command: str):
    text = run_lakehaul(command, "--help", expect=0).stdout
    before_examples = text.split("\nExamples:\n")[0]
    assert max(len(line) for line in before_examples.splitlines()) <= 90
    assert max(len(line) for line in text.splitlines()) <= 110


def test_help_names_every_command_and_none_else():
    text = run_lakehaul("--help", expect=0).stdout
    listed = text.split("Commands:\n")[1].split("\n\n")[0]
    assert tuple(line.split()[0] for line in listed.splitlines()) == COMMANDS
    assert run_lakehaul("help", expect=0).stdout == text
    assert run_lakehaul("-h", expect=0).stdout == text


def test_without_arguments_help_goes_to_stderr():
    result = run_lakehaul(expect=2)
    assert result.stdout == ""
    assert result.stderr == run_lakehaul("--help").stdout


def test_version_names_lakehaul_duckdb_and_libpq():
    version = re.search(r"project\(lakehaul VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text()).group(1)
    for option in ("--version", "-V"):
        lines = run_lakehaul(option, expect=0).stdout.splitlines()
        assert lines[0] == f"lakehaul {version}"
        assert re.fullmatch(r"DuckDB v\d+\.\d+\.\d+", lines[1])
        assert re.fullmatch(r"libpq \d+\.\d+", lines[2])


@pytest.mark.parametrize("command", LATER_COMMANDS)
@pytest.mark.parametrize("form", ["alone", "with options", "help"])
def test_a_command_of_a_later_version_says_so(command: str, form: str):
    args = {"alone": (command,), "with options": (command, "--json", "x"), "help": ("help", command)}[form]
    result = run_lakehaul(*args, expect=2)
    assert result.stdout == ""
    assert result.stderr.startswith(f"lakehaul: lakehaul {command} is not available in lakehaul 0.1.0\n")


def test_wrong_words_in_front():
    lines = [
        ("rnu",),
        ("exprot", "--help"),
        ("frobnicate",),
        ("",),
        ("--project", "x", "run"),
        ("--hepl",),
        ("-x",),
        ("--",),
        ("help", "quary"),
        ("help", "run", "query"),
        ("--version", "run"),
    ]
    golden.check("wrong-words", "".join(golden.transcript(line, run_lakehaul(*line)) for line in lines))


def test_log_level_of_the_environment_is_checked():
    result = run_lakehaul("check", "--offline", env={"LAKEHAUL_LOG": "loud"}, expect=2)
    assert result.stderr == (
        'lakehaul: the environment variable LAKEHAUL_LOG must be one of error, warn, info, debug, not "loud"\n'
    )


def test_debug_lines_are_printed_on_demand():
    result = run_lakehaul("query", "--lake", "/", "select 1", env={"LAKEHAUL_LOG": "debug"}, expect=0)
    assert re.fullmatch(r"debug: query ended with exit status 0 after \d+\.\d s\n", result.stderr)
    assert run_lakehaul("query", "--lake", "/", "select 1", expect=0).stderr == ""
