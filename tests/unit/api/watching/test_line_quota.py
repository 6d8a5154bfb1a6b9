"""Lines that repeat themselves are thinned out, and none is lost count of."""

from __future__ import annotations

from api.watching.line_quota import LineQuota


def test_so_many_lines_a_second_and_the_number_of_those_left_out_with_the_next() -> None:
    quota = LineQuota(2)
    assert [quota.take(10.0 + n / 10) for n in range(5)] == [0, 0, None, None, None]
    assert [quota.take(11.0), quota.take(11.1), quota.take(11.2)] == [3, 0, None]
    assert quota.take(20.0) == 1
    assert quota.take(21.0) == 0
