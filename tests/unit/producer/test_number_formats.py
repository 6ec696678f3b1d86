"""Number formats of spreadsheets: what a cell shows, and that no format fails or takes long."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qwenq.producer.reading.tables.sheets.number_formats import number_format

EPOCH = datetime(1899, 12, 30)  # noqa: DTZ001 - a sheet knows no zones
ACCOUNTING = '_("$"* #,##0.00_);_("$"* \\(#,##0.00\\);_("$"* "-"??_);_(@_)'


@pytest.mark.parametrize(
    ("code", "value", "text"),
    [
        ("General", 1.5, "1.5"), ("General", 0.1 + 0.2, "0.3"), ("@", 42, "42"), ("0", 2.5, "3"),
        ("00000", 42, "00042"), ("00000\\-0000", 123456789, "12345-6789"), ("000\\ 000", 1234, "001 234"),
        ("000-00-0000", 123456789, "123-45-6789"), ("(###) ###-####", 5551234567, "(555) 123-4567"),
        ("0", 123456789012345678, "123456789012345678"), ("0", 1e15, "1000000000000000"), ("0.00", 2.675, "2.68"),
        ("0%", 0.15, "15%"), ("0.0%", -0.0525, "-5.3%"), ("0 %", 0.1, "10 %"),
        ("#,##0", 1234567, "1,234,567"), ("#,##0.00", 0.5, "0.50"), ('#,##0.00 "€"', 1250.5, "1,250.50 €"),
        ("[$€-407] #,##0", 1250, "€ 1,250"), ("[$USD] 0.00", 3, "USD 3.00"), ("$#,##0_-", 1250, "$1,250"),
        ("#,##0_);(#,##0)", -1250, "(1,250)"), ("#,##0;[Red]-#,##0", -1234, "-1,234"),
        (ACCOUNTING, 1250.5, "$1,250.50"), (ACCOUNTING, -3, "$(3.00)"), (ACCOUNTING, 0, "$-"),
        ("0;-0;;@", 0, ""), ("#.##", 5, "5."), (".00", 12.5, "12.50"), ("0.0##", 1.23456, "1.235"),
        ("#,##0,", 1250000, "1,250"), ('0.0,,"M"', 1250000, "1.3M"),
        ("0.00E+00", 12345, "1.23E+04"), ("##0.0E+0", 12345, "12.3E+3"), ("0.00E+00", 0, "0.00E+00"),
        ("# ?/?", 2.25, "2 1/4"), ("# ??/??", 0.5, "1/2"), ("?/4", 0.75, "3/4"), ("# ?/8", 1.3, "1 2/8"),
        ("# ?/?", 3, "3"),
        ("[<100]0.0;0", 5, "5.0"), ("[<100]0.0;0", 500, "500"), ("[Red]0.00;[Blue]-0.00", -1.5, "-1.50"),
        ("[h]:mm", 1.260416666666667, "30:15"), ("[hh]:mm:ss", 1.26041666, "30:15:00"), ("[mm]:ss", 0.05, "72:00"),
        ("[h]:mm;@", -0.5, "-12:00"), ("[s].00", 0.0001, "8.64"),
        ("dd.mm.yyyy", 46143, "2026-05-01"), ("dd.mm.yyyy", 46143.75, "2026-05-01"), ("mmm yyyy", 46143, "2026-05-01"),
        ("yyyy-mm-dd h:mm:ss", 46143.5, "2026-05-01T12:00:00"), ("h:mm AM/PM", 0.5, "12:00:00"),
        ("[h]:mm", 1e308, "1e+308"), ("%" * 900 + "0", 1, "%" * 900 + "1" + "0" * 1_800),
        ("h:mm", 46143.5, "12:00:00"), ("dd.mm.yyyy", -1, "-1"), ("dd.mm.yyyy", 1e9, "1000000000"),
    ],
)  # fmt: skip
def test_a_number_shows_in_its_format(code: str, value: float, text: str) -> None:
    assert number_format(code).number(value, EPOCH) == text


@pytest.mark.parametrize(
    ("code", "text"),
    [('"Nr. "@', "Nr. 7"), ("0.00", "7"), ("0;-0;;", ""), ("0;-0;0;@", "7"), ("0.00;@", "7")],
)
def test_a_text_shows_in_its_format(code: str, text: str) -> None:
    assert number_format(code).text("7") == text


@given(
    st.text(alphabet='0#?.,;%/E+-@[]<>=hmsyd"\\_*$ Generalk', max_size=40),
    st.one_of(st.floats(), st.integers(min_value=-(10**30), max_value=10**30)),
)
def test_no_format_fails(code: str, value: float) -> None:
    assert isinstance(number_format(code).number(value, EPOCH), str)
    assert isinstance(number_format(code).text("x"), str)


@given(st.integers(min_value=0, max_value=10**9), st.integers(min_value=1, max_value=12))
def test_leading_zeros_are_as_many_as_the_format_has(value: int, zeros: int) -> None:
    assert number_format("0" * zeros).number(value, EPOCH) == f"{value:0{zeros}d}"


@given(st.integers(min_value=-(10**12), max_value=10**12), st.integers(min_value=0, max_value=4))
def test_thousands_and_decimals_are_python_s(cents: int, places: int) -> None:
    code = "#,##0" + ("." + "0" * places if places else "")
    whole = cents if places == 0 else cents / 10**places
    assert number_format(code).number(whole, EPOCH) == f"{whole:,.{places}f}"
