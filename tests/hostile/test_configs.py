"""hls4ml configs (YAML), policies (TOML) and folding files (JSON) that are none."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backends.dataflow.pe_simd import folding_text as hls_folding_text
from backends.finn.design.folding_file import left_aside, read
from backends.finn.options import folding_text as finn_folding_text
from backends.hls4ml.config import read_config
from backends.hls4ml.config_file import DEEPEST, load
from flows.core.errors import FlowsError, InputError
from reports.policy import SCHEMA, read_policy
from tests.hostile.conftest import CASES, ErrorLine

CONFIGS = {
    "y02_hlsconfig_list.yml": "HLSConfig is a list",
    "y04_layername_list.yml": "LayerName is a list",
    "y06_alias_bomb_used.yml": "more than 20,000 values",
    "y08_deep.yml": "nested too deep",
    "y10_tag.yml": "the tag .*os.system is not plain YAML",
    "y12_tag3.yml": "the tag .*os.system is not plain YAML",
    "y14_int_key.yml": "line 3: the name 1 is no text",
    "y16_hashable_tag.yml": "line 1: the tag !x",
    "y18_bigint.yml": "line 1: 9{40} is not one line of at most 1,000 characters",
    "y20_nul.yml": "is no plain YAML",
    "y22_sexagesimal.yml": "1:4 may be read as another number",
    "y24_underscore.yml": "6_4 may be read as another number",
    "y26_float.yml": "64.0",
    "y28_dup.yml": "ReuseFactor is set a second time",
    "y30_inject.yml": r"system\(1\)",
}


def test_every_case_is_tested() -> None:
    assert {path.name for path in (CASES / "configs").glob("y*")} == CONFIGS.keys()
    assert {path.name for path in (CASES / "configs").glob("p*")} == POLICIES.keys()


@pytest.mark.parametrize("name", CONFIGS)
def test_configs(name: str, error_line: ErrorLine) -> None:
    pytest.importorskip("yaml")
    line = error_line("estimate", "hls4ml", "--config", CASES / "configs" / name)
    assert name in line
    assert re.search(CONFIGS[name], line), line


def written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "given"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),  # as PyYAML writes a dictionary that stands twice
        ("KerasModel: !keras_model model.keras", {"KerasModel": "model.keras"}),
        ("a: [1, -2.50, yes, ~, 2020-01-01, 1.0e-07, .5]", {"a": [1, -2.5, True, None, "2020-01-01", 1e-7, 0.5]}),
        ('"1": {"true": x}', {"1": {"true": "x"}}),
    ],
)
def test_what_configs_may_hold(content: str, value: Any, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    assert load(written(tmp_path, content)) == value


@pytest.mark.parametrize(
    "content",
    ["a: 0100", "a: 0x10", "a: 1_000", "a: 1:30.5", "a: .inf", "a: .nan", "a: 1.0e+999", "a: 0b11", "a: !!int x"],
)
def test_numbers_that_yaml_reads_otherwise(content: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    with pytest.raises(InputError, match=r"line 1: .* plain digits"):
        load(written(tmp_path, content))


@pytest.mark.parametrize(
    "content",
    ["a: &a [*a]", "a: {<<: {b: 1}, <<: {b: 1}}", "a: !!bool maybe", "a: !!binary YQ==", 'a: "\\e[31m"',
     'a: "\\U99999999"', "[" * DEEPEST + "]" * DEEPEST, "? [a]\n: b", "a: b\n---\na: b", "null: 1", "a: *b"],
)  # fmt: skip
def test_what_configs_may_not_hold(content: str, tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    with pytest.raises(InputError):
        load(written(tmp_path, content))


POLICIES = {
    "p01_deep.toml": "nested too deep|more than 1,000 characters",
    "p03_inline.toml": "nested too deep|more than 1,000 characters",
    "p05_inf.toml": "max_share is inf",
    "p07_html.toml": "no runs in it",  # a policy, and the store is empty
    "p09_baseline_passwd.toml": "no runs in it",
    "p11_nl.toml": "name is not one line",
    "p13_metric_list.toml": "unknown metric a list",
    "p15_metric_dict.toml": "unknown metric a table",
    "p17_float_huge.toml": "max is inf",
    "p19_bigint.toml": "more than 1,000 characters",
}


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name: str, error_line: ErrorLine, tmp_path: Path) -> None:
    line = error_line("gate", "--policy", CASES / "configs" / name, "--store", tmp_path)
    assert re.search(POLICIES[name], line), line


HEAD = f'schema = "{SCHEMA}"\n[[rule]]\nname = "r"\nmetric = "lut"\n'


@pytest.mark.parametrize(
    "content",
    [
        f"schema{'.a' * 400} = 1",  # nested without brackets
        f"{HEAD}max = 0x{'f' * 900}",  # a number that Python writes in no decimal digits
        f"{HEAD}max = {'9' * 900}",
        f"{HEAD}max = 1\npart = 0x{'f' * 900}",
        f"{HEAD}max = 1\n[[waiver]]\nuntil = 0001-01-01",
        f"{HEAD}max = {{ a = {'[' * 300}{']' * 300} }}",
        ".".join("a" * 60_000),
        "a=1\n" * 100_000,
    ],
)
def test_what_policies_may_not_hold(content: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_policy(content, "p.toml", date(2026, 11, 28))
    assert len(str(refusal.value)) < 400


FOLDINGS = {
    "f01_list.json": ("is a list", "is a list"),
    "f03_str.json": ("is 'x'", "is 'x'"),
    "f05_defaults_list.json": ("Defaults is a list", "Defaults is a list"),
    "f07_node_str.json": ("MVAU_rtl_0 is 'PE'", "MVAU_rtl_0 is 'PE'"),
    "f09_float.json": ("MVAU_rtl_0.PE is 2.0, where a whole number", "MVAU_rtl_0.PE is no field"),
    "f11_defaults_null.json": ("Defaults is null", "Defaults is null"),
    "f13_html.json": ("", "<img src=x>.PE is no field"),
    "f17_nan.json": ("MVAU_rtl_0.PE is no number", "MVAU_rtl_0.PE is no field"),
    "f19_bin.json": ("not text", "not text"),
}


@pytest.mark.parametrize("name", FOLDINGS)
def test_folding_files(name: str, error_line: ErrorLine) -> None:
    finn, hls = FOLDINGS[name]
    place = CASES / "configs" / name
    assert hls in error_line("estimate", "hls", "--folding", place)
    if finn:
        assert finn in error_line("estimate", "finn", "--folding", place)
    else:
        with pytest.raises(InputError, match="the network has no such node"):
            read(finn_folding_text(str(place)), [])


quick = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["Model", "LayerName", "PE", "pe", 10**400, -(10**400), "ap_fixed<8,3>", "\x1b[31m", "lut"])
)  # fmt: skip
names = st.sampled_from(
    ["HLSConfig", "Model", "LayerName", "LayerType", "Precision", "ReuseFactor", "Strategy", "weight", "Defaults",
     "MVAU_rtl_0", "PE", "SIMD", "pe", "simd", "rule", "waiver", "schema", "baseline", "name", "metric", "max", "until"]
) | st.text(max_size=5)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=20,
)


signs = st.sampled_from([b"[", b"{", b"&a ", b"*a", b"!"])


@st.composite
def mutated(draw: st.DrawFn, contents: list[bytes]) -> bytes:
    """One of `contents` with a few bytes replaced, put in or taken out."""
    content = bytearray(contents[draw(st.integers(0, len(contents) - 1))])
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(content)))
        content[at : at + draw(st.integers(0, 3))] = draw(
            st.binary(max_size=4) | st.sampled_from([b"[", b"{", b"&a ", b"*a", b"!"])
        )
    return bytes(content)


def contents_of(pattern: str) -> list[bytes]:
    return [path.read_bytes()[:2000] for path in sorted((CASES / "configs").glob(pattern))]


@quick
@given(content=values.map(json.dumps) | mutated(contents_of("y*")) | st.text(max_size=80))
def test_any_config(content: str | bytes, tmp_path: Path) -> None:
    """JSON is YAML."""
    pytest.importorskip("yaml")
    with suppress(FlowsError):
        read_config(written(tmp_path, content))


def toml(value: Any) -> str:
    """A value as TOML, as far as TOML has it."""
    match value:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case float():
            return repr(value)
    return json.dumps(value)


@quick
@given(
    content=st.dictionaries(names, values, max_size=5).map(
        lambda table: "\n".join(f"{json.dumps(key)} = {toml(item)}" for key, item in table.items())
    )
    | st.dictionaries(names, values, max_size=3).map(
        lambda table: HEAD + "\n".join(f"{json.dumps(key)} = {toml(item)}" for key, item in table.items())
    )
    | mutated(contents_of("p*")).map(lambda content: content.decode(errors="replace"))
    | st.text(max_size=80)
)
def test_any_policy(content: str) -> None:
    with suppress(FlowsError):
        read_policy(content, "p.toml", date(2026, 11, 28))


@quick
@given(content=values.map(json.dumps) | mutated(contents_of("f*")))
def test_any_folding_file(content: str | bytes, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with suppress(FlowsError):
        hls_folding_text(str(path))
    with suppress(FlowsError):
        text = finn_folding_text(str(path))
        left_aside(text)
        read(text, [])


@quick
@given(text=st.text(max_size=60) | st.from_regex(r"[a-z]+=[0-9]+x[0-9]+(,[a-z]+=[0-9]{1,30}x[0-9]+)*", fullmatch=True))
def test_any_folding_on_the_command_line(text: str) -> None:
    for read_text in (hls_folding_text, finn_folding_text):
        with suppress(FlowsError, ValueError):  # a ValueError is reported as a usage error
            read_text(text)
