"""The clock of the ARM cores: the board's, or the highest of the speed grade."""

import pytest

from flows.core.part import boards, devices, find_part, processor_clock


@pytest.mark.parametrize(
    ("name", "mhz"),
    [("pynq-z2", 650.0), ("PYNQ-Z1", 650.0), ("zedboard", 667.0), ("xc7z010", 667.0), ("xc7z020clg400-2", 766.0),
     ("xc7z020clg400-3", 866.0), ("zc706", 800.0)],
)  # fmt: skip
def test_the_clock_of_a_board_or_part(name: str, mhz: float) -> None:
    assert processor_clock(find_part(name)).mhz == mhz


def test_every_part_and_board_has_one_with_its_source() -> None:
    for name in (*devices(), *boards()):
        grades = devices()[name].speed_grades if name in devices() else ("",)
        for grade in grades:
            asked = f"{name}{devices()[name].packages[0]}{grade}" if grade else name
            result = processor_clock(find_part(asked))
            assert result.mhz >= 500 and result.of and result.source
