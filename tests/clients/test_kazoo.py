"""Kazoo's own tests, unmodified, those of its client and of the recipes that people rely on most."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import servers

pytestmark = pytest.mark.synod_only

# What is not served: members that change by this protocol, and here no TLS.
LEFT_OUT = "not TestReconfig and not TestSSLClient"
# The files, and how many of their tests are run at least.
FILES = {"client": 107, "connection": 11, "lock": 31, "election": 2, "counter": 5, "party": 4, "queue": 12}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", FILES)
def test_kazoos_own_tests(name):
    here = pathlib.Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "kazoo_on_synod", "-p", "no:cacheprovider", "-c", os.devnull,
         "--timeout", "120", "-k", LEFT_OUT, "--pyargs", f"kazoo.tests.test_{name}"],
        env=dict(os.environ, PYTHONPATH=str(here), SYNOD_BIN=servers.SYNOD_BIN),
        capture_output=True, text=True, timeout=390,
    )  # fmt: skip
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0 and passed and int(passed[1]) >= FILES[name], done.stdout[-4000:]
