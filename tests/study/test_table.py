import io

import pytest
from rich.console import Console

from yanmo.study.table import study_table


@pytest.mark.parametrize("width", [40, 80, 400])
def test_no_digit_is_lost_at_any_width(width):
    table = study_table("六列", ["单元", "初始化"], ["警报（步）", "坍缩成", "损失", "投影"])
    row = ("GRU reset after (torch)", "orthogonal, keep bias 5", "12345", "rank-one", "0.123456", "0.909→0.961")
    table.add_row(*row)
    written = io.StringIO()
    Console(file=written, width=width).print(table)
    shown = written.getvalue()
    assert "…" not in shown
    for cell in row:
        assert all(shown.count(character) >= cell.count(character) for character in set(cell))
    assert max(map(len, shown.splitlines())) <= width
