"""The built-in flows keep to the suite that ships (`flows.conformance`), and to what only this repository can ask."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from backends.c import BACKEND as c
from backends.finn import BACKEND as finn
from backends.hls import BACKEND as hls
from backends.hls4ml import BACKEND as hls4ml
from backends.rtl import BACKEND as rtl
from flows import registry
from flows.conformance import BuildSuite
from tests.test_house import PROBE, WATCHED

ROOT = Path(__file__).resolve().parents[2]
FLOWS = registry.names()


class TestC(BuildSuite):
    backend = c


class TestFinn(BuildSuite):
    backend = finn


class TestHls(BuildSuite):
    backend = hls
    module = "backends.hls"


class TestHls4ml(BuildSuite):
    backend = hls4ml


class TestRtl(BuildSuite):
    backend = rtl
    module = "backends.rtl"


def test_the_built_in_flows_are_listed() -> None:
    assert {"hls4ml", "finn", "hls", "rtl", "c"} <= set(FLOWS), "install the checkout again: its entry points are older"


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_goes_by_its_registered_name_and_says_what_it_is(flow: str) -> None:
    (listing,) = (each for each in registry.listings() if each.name == flow)
    assert flow == registry.load(flow).name and listing.about and not listing.trouble


@pytest.mark.parametrize("flow", FLOWS)
def test_its_help_lists_its_options_and_loads_nothing_heavy(flow: str) -> None:
    command = [sys.executable, "-c", PROBE % WATCHED, "run", flow, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
    for field in fields(registry.load(flow).options):
        assert f"--{field.name.replace('_', '-')}" in done.stdout
