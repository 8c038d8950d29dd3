"""The cron module answers as cronsim does, on a slice of what `make nightly` compares."""

import os
import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.mark.skipif("CUPOLA_TEST_BUILD" not in os.environ, reason="CUPOLA_TEST_BUILD names no build")
@pytest.mark.timeout(300)
def test_next_previous_and_acceptance_equal_cronsim():
    done = subprocess.run(
        [sys.executable, HERE / "oracle_cron.py", "--count", "50000", "--seed", "20261123"],
        capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 0 faults" in done.stdout


@pytest.mark.skipif("CUPOLA_TEST_BUILD" not in os.environ, reason="CUPOLA_TEST_BUILD names no build")
@pytest.mark.timeout(300)
def test_case_12_changes_of_the_clock_in_35_zones_equal_the_plain_rule():
    done = subprocess.run([sys.executable, HERE / "oracle_zones.py", "--changes", "2", "--seed", "20261123"],
                          capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "35 zones" in done.stdout and ": 0 faults" in done.stdout
