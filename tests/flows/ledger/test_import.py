"""Evidence into the ledger: what each file tells, what is refused, and that nothing half-made is kept."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.core.errors import FlowsError, InputError, SetupError, UsageError
from flows.core.evidence import DESIGN, TOTAL, Metric, Tier
from flows.core.ledger import Entry, Kind
from flows.core.residual import contradictions, residuals
from flows.ledger import book, files
from flows.ledger.files import Source
from flows.ledger.importing import import_evidence
from flows.store import Store
from tests.backends.amd import fabric
from tests.backends.amd.conftest import cosim_report, csynth_report, grid, timing_report, utilization_report
from tests.backends.amd.test_archives import HANDOFF, packed
from tests.backends.amd.test_power import ROWS, power_report
from tests.flows.ledger.conftest import TODAY

BUILT = {
    "(top)": {"LUT": 8220, "SRL": 436, "FF": 11045, "BRAM_36K": 3, "BRAM_18K": 4, "DSP": 0},
    "StreamingDataflowPartition_0_IODMA_hls_0": {"LUT": 1091, "FF": 1738, "BRAM_36K": 1, "BRAM_18K": 0, "DSP": 0},
    "StreamingDataflowPartition_1_MVAU_rtl_0": {"LUT": 410, "FF": 50, "BRAM_36K": 0, "BRAM_18K": 1, "DSP": 0},
    "StreamingDataflowPartition_1_MVAU_rtl_1": {"LUT": 800, "FF": 60, "BRAM_36K": 0, "BRAM_18K": 0, "DSP": 0},
}
SIMULATED = {"N": 1, "latency_cycles": 3274, "interval_cycles": 3273, "TIMEOUT": 0, "UNFINISHED_OUTS": 0}
ESTIMATED = {
    "MVAU_rtl_0": {"LUT": 300, "BRAM_18K": 1, "DSP": 0, "BRAM_efficiency": 0.5},
    "total": {"LUT": 900.0, "DSP": 0.0},
}
PACED = {"critical_path_cycles": 4138, "max_cycles": 896, "max_cycles_node_name": "MVAU_rtl_0"}
BOARD = """\
board = "pynq-z2"
who = "A. Engineer, lab 3"
date = 2026-11-28
clock = "100 MHz"

[[measurement]]
rate = "900 images/s"
batch = 1000
power = "2400 mW"

[[measurement]]
latency = "0.94 ms"
batch = 1
note = "one call from Python"
"""
WHOLE = {"Slice LUTs": 8_000}
EVIDENCE: dict[str, tuple[str | bytes, Kind]] = {
    "toy_csynth.rpt": (csynth_report(), Kind.CSYNTH),
    "toy_cosim.rpt": (cosim_report(), Kind.COSIM),
    "utilization.rpt": (utilization_report(WHOLE), Kind.UTILIZATION),
    "timing_summary_routed.rpt": (timing_report(), Kind.TIMING),
    "power_routed.rpt": (power_report(ROWS), Kind.POWER),
    "post_synth_resources.json": (json.dumps(BUILT), Kind.FINN_BUILD),
    "rtlsim_performance.json": (json.dumps(SIMULATED), Kind.FINN_SIMULATION),
    "estimate_layer_resources.json": (json.dumps(ESTIMATED), Kind.FINN_ESTIMATE),
    "estimate_network_performance.json": (json.dumps(PACED), Kind.FINN_ESTIMATE),
    "top.bit": (fabric.some_bitstream(), Kind.BITSTREAM),
    "top.hwh": (HANDOFF, Kind.HANDOFF),
    "board.toml": (BOARD, Kind.BOARD),
}


def put(folder: Path, name: str, content: str | bytes | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = EVIDENCE[name][0] if content is None else content
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def entry(folder: Path, name: str, content: str | bytes | None = None) -> Entry:
    return files.read(Source(put(folder, name, content), name), TODAY, None)


def amounts(evidence: Entry) -> dict[tuple[Metric, str], float]:
    return {(reading.metric, reading.scope): reading.value for reading in evidence.readings}


@pytest.mark.parametrize("name", EVIDENCE)
def test_every_kind_of_file_is_recognised_by_what_it_holds(name: str, tmp_path: Path, database: Path) -> None:
    evidence = entry(tmp_path, name)
    assert evidence.kind is EVIDENCE[name][1] and evidence.file == name
    assert evidence.readings or evidence.kind is Kind.HANDOFF
    assert all(name in reading.source for reading in evidence.readings)


def test_no_shell_is_added_to_what_a_report_says(tmp_path: Path) -> None:
    counts = amounts(entry(tmp_path, "toy_csynth.rpt"))
    assert counts[Metric.LUT, DESIGN] == 23_456 and (Metric.LUT, TOTAL) not in counts


def with_processor(text: str) -> str:
    """A utilisation report with the processing system among its primitives."""
    columns = ["Ref Name", "Used", "Functional Category"]
    table = grid(columns, [dict(zip(columns, ("PS7", 1, "Specialized Resource"), strict=True))])
    head, rule, rest = text.partition("-" * 17 + "\n")
    return f"{head}{rule}9. Primitives\n{rest}\n9. Primitives\n-------------\n\n{table}\n"


def test_a_utilisation_with_the_processor_in_it_is_of_a_whole_design(tmp_path: Path) -> None:
    text = utilization_report(WHOLE, state="Routed")
    whole = entry(tmp_path, "utilization.rpt", with_processor(text))
    core = entry(tmp_path, "utilization.rpt", text)
    assert whole.whole and amounts(whole)[Metric.LUT, TOTAL] == 8_000
    assert core.whole is False and amounts(core)[Metric.LUT, DESIGN] == 8_000


def test_finn_tells_the_whole_and_its_nodes_without_their_partition(tmp_path: Path) -> None:
    evidence = entry(tmp_path, "post_synth_resources.json")
    counts = amounts(evidence)
    assert counts[Metric.LUT, TOTAL] == 8220 and counts[Metric.BRAM18, TOTAL] == 10 and evidence.whole
    assert counts[Metric.LUT, "MVAU_rtl_1"] == 800
    assert {reading.tier for reading in evidence.readings} == {Tier.ROUTED}


@pytest.mark.parametrize("name", ["total", "design", "shell"])
def test_an_instance_never_passes_for_the_whole(name: str, tmp_path: Path) -> None:
    built = json.dumps(BUILT | {f"StreamingDataflowPartition_1_{name}": {"LUT": 77}, name: {"LUT": 78}})
    counts = amounts(entry(tmp_path, "post_synth_resources.json", built))
    assert counts[Metric.LUT, TOTAL] == 8220 and not {77, 78} & set(counts.values())


def test_of_one_image_alone_no_interval_is_known(tmp_path: Path) -> None:
    counts = amounts(entry(tmp_path, "rtlsim_performance.json"))
    more = amounts(entry(tmp_path, "rtlsim_performance.json", json.dumps(SIMULATED | {"N": 10})))
    assert counts == {(Metric.LATENCY_CYCLES, TOTAL): 3274}
    assert more[Metric.INTERVAL_CYCLES, TOTAL] == 3273


def test_a_board_is_read_in_its_units(tmp_path: Path) -> None:
    evidence = entry(tmp_path, "board.toml")
    assert amounts(evidence) == {
        (Metric.THROUGHPUT_FPS, TOTAL): 900, (Metric.POWER_W, TOTAL): 2.4, (Metric.LATENCY_US, TOTAL): 940,
    }  # fmt: skip
    assert (
        evidence.part == "xc7z020clg400-1" and evidence.clock_ns == 10 and evidence.facts["who"] == "A. Engineer, lab 3"
    )
    assert "batch 1,000" in evidence.readings[0].on and evidence.readings[0].tier is Tier.MEASURED


@pytest.mark.parametrize(
    ("old", "new", "fact"),
    [
        ('"900 images/s"', "900", "rate is 900, with no unit"),
        ('"0.94 ms"', "0.94", "latency is 0.94, with no unit"),
        ('"0.94 ms"', '"0.94"', "latency is '0.94'"),
        ('"0.94 ms"', '"0.94 parsecs"', "one of us, ms, s, ns"),
        ('"100 MHz"', '"100"', "clock is '100'"),
        ('"900 images/s"', '"-900 images/s"', "rate is"),
        ('"900 images/s"', '"0 images/s"', "which nothing can be"),
        ('who = "A. Engineer, lab 3"\n', "", "who measured"),
        ("date = 2026-11-28\n", "", "when that was"),
        ("date = 2026-11-28", 'date = "last week"', "when that was"),
        ("date = 2026-11-28", "date = 2036-11-28", "and today is 2026-11-28"),
        ('board = "pynq-z2"\n', "", "no board and no part"),
        ('board = "pynq-z2"', 'board = "pynq-z9"', "pynq-z9"),
        ('board = "pynq-z2"', 'board = "pynq-z2"\npart = "xc7z010clg400-1"', "its part is xc7z010clg400-1"),
        ("batch = 1000", "batch = 0", "batch is 0"),
        ("batch = 1000", "bach = 1000", "Did you mean batch"),
        ("[[measurement]]", "[measurement", "not TOML"),
        ('latency = "0.94 ms"\n', "", "a measurement of nothing"),
    ],
)
def test_a_board_file_that_leaves_something_out_is_refused(old: str, new: str, fact: str, tmp_path: Path) -> None:
    assert old in BOARD
    with pytest.raises(InputError, match=fact):
        entry(tmp_path, "board.toml", BOARD.replace(old, new))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("post_synth_resources.json", "[]"),
        ("post_synth_resources.json", '{"(top)": {"LUT": "many"}}'),
        ("post_synth_resources.json", '{"(top)": {"LUT": -1}}'),
        ("post_synth_resources.json", "{}"),
        ("rtlsim_performance.json", json.dumps(SIMULATED | {"TIMEOUT": 1})),
        ("estimate_layer_resources.json", "{"),
    ],
)
def test_a_damaged_file_of_finns_is_refused(name: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"FINN report {name}"):
        entry(tmp_path, name, content)


def test_evidence_is_kept_beside_the_run_that_predicted_it(store: Store, tmp_path: Path) -> None:
    done = import_evidence([put(tmp_path, "post_synth_resources.json")], "", "finn-a", store, TODAY)
    assert done.page.name == done.page.run == "finn-a" and book.read(store.root, "finn-a") == done.page
    by_name = {
        (residual.truth.metric, residual.truth.scope): residual
        for residual in residuals(done.page, store.record("finn-a").runs[0])
    }
    lut = by_name[Metric.LUT, TOTAL]
    assert lut.error == pytest.approx(8000 / 8220 - 1) and lut.holds
    assert by_name[Metric.LUT, "MVAU_rtl_1"].holds is False
    assert by_name[Metric.FF, TOTAL].predicted is None


def test_the_core_alone_is_held_against_the_prediction_without_its_shell(store: Store, tmp_path: Path) -> None:
    paths = [put(tmp_path, "utilization.rpt", utilization_report({"Slice LUTs": 4_000}, state="Routed"))]
    page = import_evidence(paths, "core", "finn-a", store, TODAY).page
    (lut,) = [
        residual for residual in residuals(page, store.record("finn-a").runs[0]) if residual.truth.metric is Metric.LUT
    ]
    assert lut.truth.scope == DESIGN and lut.predicted and lut.predicted.value == 5_000
    assert lut.predicted.low == pytest.approx(3_400)


def test_csynth_is_held_against_what_was_said_of_csynth(store: Store, tmp_path: Path) -> None:
    page = import_evidence([put(tmp_path, "toy_csynth.rpt")], "c", "finn-a", store, TODAY).page
    (lut,) = [
        residual for residual in residuals(page, store.record("finn-a").runs[0]) if residual.truth.metric is Metric.LUT
    ]
    assert lut.predicted and lut.predicted.value == 17_000, "csynth sees no shell"


def test_a_bitstream_is_routed_truth_with_its_measured_error(store: Store, tmp_path: Path, database: Path) -> None:
    page = import_evidence([put(tmp_path, "top.bit")], "tiny", "", store, TODAY).page
    lut, bram, dsp = page.entries[0].readings
    assert (lut.value, bram.value, dsp.value) == (4, 3, 1) and lut.tier is Tier.ROUTED
    assert lut.low is not None and lut.high is not None and lut.low <= 4 <= lut.high
    assert bram.low == bram.high == 3 and "decoded from top.bit" in lut.source


def test_a_bitstream_without_its_header_is_read_where_it_is_named(tmp_path: Path, database: Path) -> None:
    evidence = entry(tmp_path, "top.bin", fabric.packets(fabric.frames(fabric.SOME, fabric.TABLES)))
    assert evidence.kind is Kind.BITSTREAM and evidence.part == "xc7z010" and evidence.readings[0].value == 4


def test_without_a_database_nothing_is_kept(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XRAY_DATABASE_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(SetupError, match="prjxray"):
        import_evidence([put(tmp_path, "board.toml"), put(tmp_path, "top.bit")], "tiny", "", store, TODAY)
    assert not book.place(store.root, "tiny").exists()


def test_an_archive_brings_its_clock(store: Store, tmp_path: Path, database: Path) -> None:
    handoff = HANDOFF.replace('"7z020"', '"7z010"').encode()
    content = packed({"top.bit": fabric.some_bitstream(), "design_1.hwh": handoff})
    evidence = entry(tmp_path, "top.xsa", content)
    assert (
        evidence.part == "xc7z010clg400-1"
        and evidence.clock_ns == pytest.approx(7, abs=0.01)
        and evidence.file == "top.xsa, top.bit"
    )
    other = packed({"top.bit": fabric.some_bitstream(), "design_1.hwh": HANDOFF.encode()})
    with pytest.raises(InputError, match="a bitstream for xc7z010clg400 and a handoff for xc7z020clg400-1"):
        entry(tmp_path, "top.xsa", other)


FOREIGN = {
    "another part": ("finn-a", csynth_report(part="xc7z010-clg400-1"), "of part xc7z010clg400-1"),
    "another clock": ("finn-a", csynth_report(clock="5.00 ns", estimated="4.250 ns", cycles={}), "for a clock of 5 ns"),
    "another top": ("hls4ml-b", csynth_report(), "of top toy, where run hls4ml-b has myproject"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_a_report_of_another_design_is_refused_and_nothing_is_kept(case: str, store: Store, tmp_path: Path) -> None:
    run, text, fact = FOREIGN[case]
    with pytest.raises(InputError, match=fact):
        import_evidence([put(tmp_path, "toy_csynth.rpt", text)], "", run, store, TODAY)
    assert not book.place(store.root, run).exists()


def test_a_build_of_other_layers_is_refused(store: Store, tmp_path: Path) -> None:
    more = BUILT | {"StreamingDataflowPartition_1_MVAU_hls_2": BUILT["StreamingDataflowPartition_1_MVAU_rtl_1"]}
    with pytest.raises(InputError, match="3 of FINN's matrix-vector units, where run finn-a has 2"):
        import_evidence([put(tmp_path, "post_synth_resources.json", json.dumps(more))], "", "finn-a", store, TODAY)


def test_files_of_one_design_must_be_of_one_design(store: Store, tmp_path: Path) -> None:
    import_evidence([put(tmp_path, "toy_csynth.rpt")], "mine", "", store, TODAY)
    before = book.place(store.root, "mine").read_bytes()
    other = put(tmp_path / "other", "toy_csynth.rpt", csynth_report(top="other"))
    board = put(tmp_path, "board.toml")
    with pytest.raises(InputError, match=r"of top other, where toy_csynth\.rpt, of the same design, has toy"):
        import_evidence([board, other], "mine", "", store, TODAY)
    assert book.place(store.root, "mine").read_bytes() == before, "the board file is not kept either"


def test_a_page_is_of_one_run(store: Store, tmp_path: Path) -> None:
    import_evidence([put(tmp_path, "board.toml")], "mine", "finn-a", store, TODAY)
    with pytest.raises(UsageError, match="its evidence is of run finn-a"):
        import_evidence([put(tmp_path, "toy_cosim.rpt")], "mine", "hls4ml-b", store, TODAY)


def test_what_is_tied_later_is_checked_then(store: Store, tmp_path: Path) -> None:
    import_evidence([put(tmp_path, "toy_csynth.rpt")], "mine", "", store, TODAY)
    with pytest.raises(InputError, match="of part xc7z020clg400-1, where run finn-c has xc7z010clg400-1"):
        import_evidence([put(tmp_path, "toy_cosim.rpt")], "mine", "finn-c", store, TODAY)


def test_the_same_file_is_kept_once(store: Store, tmp_path: Path) -> None:
    path = put(tmp_path, "board.toml")
    import_evidence([path], "mine", "", store, TODAY)
    done = import_evidence([path, path], "mine", "", store, TODAY)
    assert len(done.page.entries) == 1 and not done.new and "already" in done.notes[0]


def test_a_failed_co_simulation_is_kept_and_the_run_is_not_proven(store: Store, tmp_path: Path) -> None:
    assert store.record("finn-a").runs[0].proven
    path = put(tmp_path, "toy_cosim.rpt", cosim_report(status="Fail"))
    done = import_evidence([path], "", "finn-a", store, TODAY)
    assert "not proven" in done.notes[0]
    import_evidence([put(tmp_path / "passed", "toy_cosim.rpt")], "", "finn-a", store, TODAY)
    run = store.record("finn-a").runs[0]
    assert not run.proven and run.refuted == (
        "the co-simulation of the Verilog ended with status Fail (toy_cosim.rpt)",
    )
    assert store.record("finn-c").runs[0].proven


def test_two_truths_that_contradict_each_other_are_both_kept(store: Store, tmp_path: Path) -> None:
    first = put(tmp_path, "utilization.rpt", utilization_report({"Slice LUTs": 4_000}))
    second = put(tmp_path / "again", "utilization.rpt", utilization_report({"Slice LUTs": 4_400}))
    page = import_evidence([first, second], "mine", "", store, TODAY).page
    (contradiction,) = contradictions(page)
    assert (contradiction.first.value, contradiction.second.value, contradiction.first.metric) == (
        4_000,
        4_400,
        Metric.LUT,
    )


def test_rates_of_other_batches_do_not_contradict_each_other(store: Store, tmp_path: Path) -> None:
    row = '[[measurement]]\nrate = "{} images/s"\nbatch = {}\n'
    head = BOARD.partition("[[")[0]
    differing = put(tmp_path, "board.toml", head + row.format(900, 1000) + row.format(700, 1))
    assert not contradictions(import_evidence([differing], "mine", "", store, TODAY).page)
    equal = put(tmp_path / "other", "board.toml", head + row.format(900, 1000) + row.format(700, 1000))
    assert contradictions(import_evidence([equal], "yours", "", store, TODAY).page)


def test_a_folder_is_looked_through_for_evidence(store: Store, tmp_path: Path, database: Path) -> None:
    build = tmp_path / "build"
    names = ("post_synth_resources.json", "rtlsim_performance.json", "estimate_network_performance.json")
    for name in names:
        put(build / "report", name)
    put(build, "notes.txt", "none of these")
    put(build / "report", "time_per_step.json", "{}")
    put(build / "impl_1", "design_1_wrapper_clock_utilization_routed.rpt", "none of these")
    (build / "link").symlink_to(tmp_path)
    page = import_evidence([build], "", "", store, TODAY).page
    assert page.name == "build" and {entry.file for entry in page.entries} == {f"report/{name}" for name in names}
    with pytest.raises(InputError, match="no report, no bitstream and no board file"):
        import_evidence([put(tmp_path / "empty", "x.txt", "x").parent], "", "", store, TODAY)


def test_of_a_folder_of_csynth_reports_the_one_of_the_top_is_taken(store: Store, tmp_path: Path) -> None:
    from tests.backends.amd.whole_reports import REPORTS

    put(tmp_path / "report", "csynth.xml", REPORTS["csynth with modules in XML"]())
    put(tmp_path / "report", "dense_csynth.rpt", csynth_report(top="dense"))
    put(tmp_path / "report", "toy_csynth.rpt")
    page = import_evidence([tmp_path / "report"], "", "", store, TODAY).page
    assert [entry.file for entry in page.entries] == ["csynth.xml"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a" * 61, "a\nb"])
def test_a_name_is_one_of_a_file(name: str, store: Store, tmp_path: Path) -> None:
    path = put(tmp_path, "board.toml")
    if not name:
        assert import_evidence([path], name, "", store, TODAY).page.name == "board"
        return
    with pytest.raises(UsageError, match="no name of a design"):
        import_evidence([path], name, "", store, TODAY)


def test_a_page_of_a_newer_version_is_left_as_it_is(store: Store, tmp_path: Path) -> None:
    path = put(tmp_path, "board.toml")
    import_evidence([path], "mine", "", store, TODAY)
    page = book.place(store.root, "mine")
    newer = page.read_text().replace("zynqflows-ledger/1", "zynqflows-ledger/2").replace('"run"', '"runs"')
    page.write_text(newer)
    with pytest.raises(InputError, match="written in schema zynqflows-ledger/2") as told:
        import_evidence([path], "mine", "", store, TODAY)
    assert "version of zynqflows that wrote it" in str(told.value) and page.read_text() == newer
    pages, errors = book.pages(store.root)
    assert not pages and len(errors) == 1


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_edited_page_is_read_or_refused(data: st.DataObject, store: Store, tmp_path: Path) -> None:
    if not book.place(store.root, "mine").exists():
        import_evidence([put(tmp_path, name) for name in ("board.toml", "toy_csynth.rpt")], "mine", "", store, TODAY)
    from flows.core.ledger import page_from_json

    text = book.place(store.root, "mine").read_text()
    at = data.draw(st.integers(0, len(text)))
    edited = text[:at] + data.draw(st.text(max_size=3)) + text[at + data.draw(st.integers(0, 3)) :]
    try:
        page_from_json(edited, "x")
    except InputError as error:
        assert "\n" not in str(error)


@given(name=st.sampled_from([*EVIDENCE, "x.xsa", "x.hdf", "x.json"]), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_edit_of_any_evidence_is_read_or_refused(
    name: str, data: st.DataObject, tmp_path: Path, database: Path
) -> None:
    content: str | bytes = EVIDENCE[name][0] if name in EVIDENCE else b"PK\x03\x04"
    whole = bytearray(content.encode() if isinstance(content, str) else content)
    at = data.draw(st.integers(0, len(whole)))
    whole[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
    whole = whole[: data.draw(st.integers(0, len(whole)))] if data.draw(st.booleans()) else whole
    try:
        evidence = entry(tmp_path, name, bytes(whole))
    except FlowsError as error:
        assert "\n" not in str(error)
        return
    assert all(reading.value >= 0 for reading in evidence.readings)
