"""Saved templates in the store: versions, each kept as it was."""

import pytest

from qwenq.actions.templates import find_template, save_template, saved_templates, saved_versions
from qwenq.schemas.errors import InvalidParameter, InvalidTemplate, TemplateChanged, UnknownTemplate
from qwenq.schemas.settings import Settings
from qwenq.store.database.store import Store
from qwenq.store.templates import insert_version, versions_of

ONE, TWO = "One: {{ text }}", "Two: {{ text }}"


def test_saving_again_makes_the_next_version_and_keeps_those_before(settings: Settings) -> None:
    assert save_template("triage", ONE, None, settings).template.version == 1
    assert save_template("triage", TWO, "{{ parts }}", settings).template.version == 2
    assert save_template("other", ONE, None, settings).template.version == 1
    found = [(one.version, one.text, one.merge) for one in saved_versions("triage", settings)]
    assert found == [(2, TWO, "{{ parts }}"), (1, ONE, None)]
    assert [one.label for one in saved_templates(settings)] == ["other, version 1", "triage, version 2"]
    assert find_template("triage", settings).text == TWO
    assert find_template("triage@1", settings).text == ONE
    assert find_template("triage@1", settings).label == "triage, version 1"


def test_saving_the_same_again_saves_nothing(settings: Settings) -> None:
    assert save_template("triage", ONE, None, settings).is_new
    again = save_template("triage", ONE, None, settings)
    assert (again.template.version, again.is_new) == (1, False)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("qa", ONE, InvalidParameter),
        ("a@1", ONE, InvalidParameter),
        ("", ONE, InvalidParameter),
        ("a", "{{ text", InvalidTemplate),
        ("a", "no column", InvalidParameter),
    ],
)
def test_a_template_that_cannot_be_used_is_not_saved(
    settings: Settings, name: str, text: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        save_template(name, text, None, settings)
    assert saved_templates(settings) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("triag", r"no template named 'triag'\. There are: classify, .*, translate, triage\."),
        ("triage@2", "triage has the versions 1 to 1, and no 2"),
        ("triage@x", "comes the number of a version, as in triage@2"),
        ("qa@1", "qa is built in, and has no versions"),
    ],
)
def test_an_unknown_template_is_told_with_those_there_are(settings: Settings, name: str, said: str) -> None:
    save_template("triage", ONE, None, settings)
    with pytest.raises((UnknownTemplate, InvalidParameter), match=said):
        find_template(name, settings)


def test_of_two_people_who_save_at_once_the_second_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with store.writing() as connection:
        insert_version(connection, "triage", ONE, None, "me")
    monkeypatch.setattr("qwenq.store.templates.func.max", lambda column: column - 1)
    with pytest.raises(TemplateChanged, match="qwenq templates show triage"), store.writing() as connection:
        insert_version(connection, "triage", TWO, None, "you")
    with store.reading() as connection:
        assert [one.text for one in versions_of(connection, "triage")] == [ONE]
