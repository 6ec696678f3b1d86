"""Encodings of tables: found out when that is sure, else told with what to do."""

import time

import pytest

from qwenq.producer.reading import Format
from qwenq.schemas.jobs import PromptSpec
from tests.read_tables import RENT, ROW, Read


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Größe"),
        ("cp1252", "La señora pagó el año pasado según el artículo número 5 de la contratación"),
        ("cp1252", "João, coração"),
        ("cp1250", "Příliš žluťoučký kůň"),
        ("cp1250", "Zażółć gęślą jaźń"),
        ("cp1250", "őrült tűzoltó"),
        ("iso8859_2", "Příliš žluťoučký kůň"),
        ("cp1251", "Договор начинается 1 мая"),
        ("koi8_r", "Договор начинается 1 мая"),
        ("cp1253", "σύμβαση αρχίζει την πρώτη"),
        ("iso8859_7", "Λεωνίδας και Αλέξανδρος"),
        ("cp1254", "Sözleşme başlar ve İstanbul'da"),
        ("cp932", "契約は5月1日に始まり、翌年の4月30日に終了します。"),
        ("euc_jp", "契約は5月1日に始まり、翌年の4月30日に終了します。"),
        ("gb18030", "本合同自五月一日起生效。租期为一年。"),
        ("big5", "本合約自五月一日起生效。租期為一年。"),
    ],
)
def test_c5_code_pages_are_guessed_when_the_guess_is_sure(encoding: str, text: str) -> None:
    read = Read(f'id,text\n1,plain\n2,"{text}"\n'.encode(encoding))
    assert read.texts == ["plain", text]
    assert "read as" in read.said[0]


def test_c5_an_unsure_encoding_gives_bad_rows_whose_advice_is_right() -> None:
    data = "id,text\n1,plain\n2,señor\n".encode("cp1252")
    read = Read(data)
    assert read.texts == ["plain"]
    assert read.bad == [
        (3, "not valid UTF-8; give its encoding with --encoding: cp1252 reads 'señor', cp1250 reads 'seńor'")
    ]
    assert read.said == [
        (
            "stdin: its encoding is not sure, so rows that are not UTF-8 are bad; give it with --encoding: "
            "cp1252 reads 'señor', cp1250 reads 'seńor'"
        )
    ]
    assert Read(data, encoding="cp1252").texts == ["plain", "señor"]


def test_signs_alone_are_not_taken_for_those_of_koi8() -> None:
    data = "id,text\n1,plain\n2,£50\n".encode("cp850")
    read = Read(data)
    assert read.texts == ["plain"]
    assert read.bad == [(3, "not valid UTF-8; give its encoding with --encoding: cp850 reads '£50'")]
    assert Read(data, encoding="cp850").texts == ["plain", "£50"]


def test_c5_a_code_page_that_shows_after_100000_rows_is_guessed_there() -> None:
    plain = b"".join(b"%d,nothing to see here\n" % number for number in range(100_000))
    late = "x,Größe\ny,Straße\n".encode("cp1252")
    read = Read(b"id,text\n" + plain + late)
    assert read.texts[-2:] == ["Größe", "Straße"]
    assert len(read.texts) == 100_002
    assert read.said == ["stdin: read as cp1252"]


def test_c5_a_later_row_that_the_guess_may_misread_is_bad() -> None:
    many = b"".join(b"%d,nothing to see here\n" % number for number in range(100_000))
    start = "id,text\nx,Größe\n".encode("cp1252")
    read = Read(start + many + "y,nõ\nz,Größe\n".encode("cp1252") + "u,Größe\n".encode())
    assert read.texts[-1] == "Größe"
    assert read.bad == [
        (
            100_003,
            "its encoding is not sure; give it with --encoding: cp1252 reads 'y,nõ', cp1250 reads 'y,nő'",
        ),
        (100_005, "it is UTF-8, but the file is cp1252; save the whole file as UTF-8"),
    ]


def test_c5_one_damaged_row_of_a_utf8_file_changes_no_other() -> None:
    read = Read("id,text\n1,señor\n".encode() + b"2,\xff\n" + "3,año\n".encode())
    assert read.texts == ["señor", "año"]
    assert read.bad[0][1].startswith("not valid UTF-8")


def test_c6_headers_in_code_pages_are_read() -> None:
    spanish = Read("número,descripción,text\n1,año,x\n".encode("cp1252"), prompt=ROW, encoding="cp1252")
    assert spanish.values == [{"número": "1", "descripción": "año", "text": "x"}]
    japanese = Read(
        "番号,本文\n1,契約は5月1日に始まります\n".encode("cp932"), prompt=PromptSpec(text_column="本文")
    )
    assert japanese.values == [{"番号": "1", "本文": "契約は5月1日に始まります"}]


def test_c7_excels_unicode_text_is_read() -> None:
    data = f"id\ttext\r\n1\t{RENT}\r\n".encode("utf-16")
    assert Read(data).texts == [RENT]
    assert Read(data, Format.TSV).texts == [RENT]


@pytest.mark.parametrize("written", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_can_be_given_without_its_order(written: str) -> None:
    read = Read("id,text\r\n1,Größe\r\n".encode(written), encoding="utf-16")
    assert read.texts == ["Größe"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_c8_wide_encodings_without_a_mark_are_found(encoding: str) -> None:
    read = Read("id,text\r\n1,Größe 契約\r\n".encode(encoding))
    assert read.texts == ["Größe 契約"]
    assert read.said == [f"stdin: read as {encoding}"]


def test_c8_damaged_wide_text_loses_no_other_row() -> None:
    good = "id,text\n1,one\n".encode("utf-32-le")
    read = Read(
        good + b"2\0\0\0,\0\0\0\xff\xff\xff\xff\n\0\0\0" + "3,three\n".encode("utf-32-le"),
        encoding="utf-32-le",
    )
    assert read.texts == ["one", "three"]
    assert read.bad[0][1].startswith("not valid utf-32-le")
    cut = Read(good + b"2\0\0\0,\0\0\0x\0")
    assert cut.texts == ["one"]
    assert cut.bad[0][0] == 3


def test_c9_utf32_with_a_mark_is_read() -> None:
    assert Read("id,text\n1,Größe\n".encode("utf-32")).texts == ["Größe"]


def test_c10_carriage_returns_alone_end_lines() -> None:
    read = Read(b'id,text\r1,Hello\r2,"a, b"\r')
    assert read.texts == ["Hello", "a, b"]
    assert [row.line for row in read.rows] == [2, 3]


def test_c17_nul_bytes_are_no_wide_encoding() -> None:
    assert Read(b"id,text\n1,a\0b\n2,c\n").bad == [(2, "it holds a NUL byte")]
    assert Read(b"a,b,text\n\0,2,3\n").bad == [(2, "it holds a NUL byte")]


def test_a_hostile_line_takes_no_time_to_guess() -> None:
    began = time.process_time()
    for line in (
        b"\xe9\xa7" * 400_000,
        b"a" * 400_000 + b"\xe9",
        b'"' * 100_001 + b"\xe9",
        b"\xe9a;" * 200_000,
    ):
        Read(b"id,text\n1," + line + b"\n2,x\n")
    assert time.process_time() - began < 20
