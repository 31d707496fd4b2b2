"""The tax within a total: exact figures, to the cent."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from students.tax import Included, included


@pytest.mark.parametrize(
    ("total", "rate", "net", "tax"),
    [
        (11900, 190_000, 10000, 1900),
        (10000, 190_000, 8403, 1597),  # 1596.64 rounds up
        (10000, 70_000, 9346, 654),  # 654.21 rounds down
        (79500, 88_750, 73020, 6480),  # New York City, 8.875%: 6480.48
        (3, 1_000_000, 1, 2),  # 1.5: a half goes up
        (1, 190_000, 1, 0),
        (0, 190_000, 0, 0),
        (100_000_000, 90_625, 91690544, 8309456),  # 9.0625%
    ],
)
def test_the_tax_is_the_part_of_the_total_by_its_rate(total: int, rate: int, net: int, tax: int) -> None:
    assert included(total, rate) == Included(net_cents=net, tax_cents=tax)


@given(st.integers(0, 10**10), st.integers(1, 1_000_000))
def test_net_and_tax_are_the_total_and_off_by_half_a_cent_at_most(total: int, rate: int) -> None:
    split = included(total, rate)
    assert split.net_cents + split.tax_cents == total
    assert abs(split.tax_cents - Fraction(total * rate, 1_000_000 + rate)) <= Fraction(1, 2)
