"""The hot path takes no more instructions a row than baseline.json says; `make instructions` shows and records them."""
import count
import pytest
import support


def test_a_stage_that_grew_is_told_from_one_that_varies():
    recorded = {"lineitem": {"decode": 1000, "write": 1000, "both": 2000}}
    assert count.compare({"lineitem": {"decode": 1050, "write": 950, "both": 2000}}, recorded) == []
    grown, fallen = count.compare({"lineitem": {"decode": 1051, "write": 949, "both": 2000}}, recorded)
    assert "lineitem, decode: 1051 instructions a row, 5% more than the 1000 recorded" in grown
    assert "keep what was won" in fallen
    assert len(count.compare({"taxi": {"decode": 1}}, recorded)) == 1


def test_no_stage_takes_more_instructions_than_recorded():
    support.require_tool("valgrind")
    if not count.STAGES.exists():
        support.missing(str(count.STAGES))
    recorded = count.read_baseline().get(count.compiler())
    if recorded is None:
        pytest.skip(f"nothing is recorded for {count.compiler()}")
    problems = count.compare(count.count(), recorded)
    assert not problems, "\n".join(problems)
