"""No row of data is taken for a header without a word, and no header for data."""

import io

import pytest

from qwenq.producer.reading import Format, read_rows
from qwenq.schemas.errors import UnreadableInput
from qwenq.schemas.generation import GenerationParams
from qwenq.schemas.jobs import PromptSpec
from qwenq.schemas.table_options import TableOptions

ROW = PromptSpec(template="{{ row }}")


def read(data: str, prompt: PromptSpec = ROW, header: bool | None = None) -> tuple[int, list[str]]:
    """The number of rows, and what is said about them."""
    said: list[str] = []
    rows = read_rows(
        ["-"],
        Format.CSV,
        prompt,
        GenerationParams(),
        io.BytesIO(data.encode()),
        tables=TableOptions(header=header),
        tell=said.append,
    )
    return len(list(rows)), said


@pytest.mark.parametrize(
    "data",
    [
        '"Dec 8, 2022"\n"Sep 26, 2022"\n',
        "2026-05-01,Paris\n2026-06-01,Rome\n",
        "Paris,1.5.2026\nRome,12.6.2026\n",
        "Paris,2026-05-01T10:00:00\nRome,\nOslo,2026-06-01T11:30:00\n",
        "ada@x.org,Paris\nbob.b@y.co.uk,Rome\n",
        "Acme,https://acme.com\nOther,http://other.org/a?b\n",
        "6f9619ff-8b86-d011-b42d-00cf4fc964ff,a\n7f9619ff-8b86-d011-b42d-00cf4fc964fe,b\n",
        "1,Paris\n2,Rome\n",
    ],
)
def test_a_first_line_in_the_form_of_the_others_is_refused(data: str) -> None:
    with pytest.raises(UnreadableInput, match="give --no-header"):
        read(data)
    assert read(data, header=False) == (len(data.splitlines()), [])
    assert read(data, header=True)[0] == len(data.splitlines()) - 1


@pytest.mark.parametrize(
    "data",
    [
        "1,2,3\n4,5,6\n",
        "Paris,12.5\nRome,17\n",
        "12.5\n17\n",
        "The contract begins on 1 May.\nIt ends when both parties agree.\n",
    ],
)
def test_a_first_line_that_may_be_data_is_told(data: str) -> None:
    rows, said = read(data)
    assert rows == len(data.splitlines()) - 1
    assert "if it is data, give --no-header" in said[0]
    assert read(data, header=True)[1] == []


@pytest.mark.parametrize(
    "data",
    [
        "country,2019,2020\nFrance,1,2\nItaly,3,4\n",
        "id,text\n1,a\n2,b\n",
        "date,2026-05-01,2026-05-02\nParis,1,2\n",
        "Q1,Q2\n5,6\n",
        "What did you like about it?,How old are you now?\nThe food was very good indeed,40\n",
        "name,e-mail\nAda,ada@x.org\n",
    ],
)
def test_a_header_is_no_data(data: str) -> None:
    assert read(data) == (len(data.splitlines()) - 1, [])


def test_a_line_with_the_columns_that_the_prompt_names_is_the_header() -> None:
    prompt = PromptSpec(template='{{ row["1"] }} {{ text }}')
    assert read("1,text\n5,a\n6,b\n", prompt) == (2, [])


def test_a_single_line_is_told() -> None:
    rows, said = read("Paris,The contract begins on 1 May.\n")
    assert rows == 0
    assert "there is one line, 'Paris, The contract begins on 1 May.'" in said[0]
