"""Parts and boards: the data holds together, and every way to name a part finds it or says what is near."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.core.errors import UsageError
from flows.core.evidence import Metric
from flows.core.part import Board, Device, boards, devices, find_part

FULL_PARTS = [
    (device.name, package, grade)
    for device in devices().values()
    for package in device.packages
    for grade in device.speed_grades
]


def test_all_ten_zynq_7000_devices() -> None:
    assert sorted(devices()) == [
        "xc7z007s", "xc7z010", "xc7z012s", "xc7z014s", "xc7z015",
        "xc7z020", "xc7z030", "xc7z035", "xc7z045", "xc7z100",
    ]  # fmt: skip


@pytest.mark.parametrize("device", devices().values(), ids=devices())
def test_figures_agree_with_the_7_series_fabric(device: Device) -> None:
    """A slice has four LUTs and eight flip-flops (UG474), a block RAM two halves; each row names its source."""
    assert device.ff == 2 * device.lut and device.lut % 4 == 0
    assert device.bram18 % 2 == 0
    assert "DS190" in device.source


def test_resources_grow_with_the_name_within_a_core_count() -> None:
    for single_core in (True, False):
        family = [item for name, item in sorted(devices().items()) if name.endswith("s") is single_core]
        assert [each.lut for each in family] == sorted(each.lut for each in family)


def test_available_is_by_metric() -> None:
    xc7z020 = devices()["xc7z020"]
    numbers = [xc7z020.available(metric) for metric in (Metric.LUT, Metric.FF, Metric.BRAM18, Metric.DSP)]
    assert numbers == [53_200, 106_400, 280, 220]


@pytest.mark.parametrize("board", boards().values(), ids=boards())
def test_every_board_has_a_known_full_part(board: Board) -> None:
    part = find_part(board.name)
    assert part == find_part(board.part) or part.full_name == board.part
    assert part.full_name == board.part
    assert part.asked == board.name
    assert board.title and board.source


def test_a_bare_device_is_its_first_package_at_the_slowest_grade() -> None:
    assert find_part("xc7z020").full_name == "xc7z020clg400-1"
    assert find_part("xc7z045").full_name == "xc7z045ffg900-1"


@given(st.sampled_from(FULL_PARTS), st.sampled_from(["", "-"]), st.booleans())
def test_every_full_name_finds_itself(row: tuple[str, str, str], dash: str, shout: bool) -> None:
    device, package, grade = row
    text = f"{device}{dash}{package}{grade}"
    part = find_part(f" {text.upper() if shout else text} ")
    assert (part.device.name, part.package, part.speed_grade) == row
    assert find_part(part.full_name).full_name == part.full_name == f"{device}{package}{grade}"


def test_the_single_core_device_is_not_taken_for_another() -> None:
    assert find_part("xc7z007sclg400-2").device.name == "xc7z007s"


@pytest.mark.parametrize("text", ["xc7z02", "xc7z21", "pynqz2", "zebdoard", "7z020"])
def test_a_near_miss_gets_a_guess(text: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean .*(xc7z020|pynq-z2|zedboard)"):
        find_part(text)


def test_a_package_that_the_device_has_not_names_those_it_has() -> None:
    with pytest.raises(UsageError, match=r"no such package.*clg400, clg484"):
        find_part("xc7z020ffg900-1")


def test_a_grade_that_the_device_has_not_names_those_it_has() -> None:
    with pytest.raises(UsageError, match=r"no speed grade -3.*-1, -2"):
        find_part("xc7z007sclg400-3")


@given(st.text(max_size=30))
def test_any_text_finds_a_part_or_says_why_not(text: str) -> None:
    try:
        part = find_part(text)
    except UsageError as error:
        assert "\n" not in error.fact and error.next_step
    else:
        assert part.full_name.startswith(part.device.name)
