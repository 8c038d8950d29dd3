"""A minute of schedules under random kills; `bench/soak` does an hour."""

import os
import subprocess
import sys

import pytest
from harness import ROOT
from postgres import PROGRAMS


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts small file systems")
def test_nothing_is_lost_doubled_or_stuck_in_a_minute_of_kills(build):
    shared = ["--postgres", "--servers", "2"] if PROGRAMS else []

    done = subprocess.run([sys.executable, str(ROOT / "bench" / "soak"), "--minutes", "1", "--schedules", "40", "--build", str(build), *shared],
                          text=True, capture_output=True, timeout=500)

    assert done.returncode == 0 and "nothing lost, doubled or stuck" in done.stdout, done.stdout + done.stderr
