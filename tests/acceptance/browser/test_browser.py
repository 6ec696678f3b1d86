"""A person in a browser, with a real Flower and a real worker."""

import re

from playwright.sync_api import Browser as Chromium
from playwright.sync_api import Page, expect

from qwenq.schemas.states import JobState
from qwenq.store.database.store import Store
from tests.builders import make_job, make_worker
from tests.monitors import Browser
from tests.services import Jobs
from tests.waiting import eventually

NASTY = (
    "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'><b>bold</b> {{ 7 * 7 }} \"'&amp;"
)
# Flower's tables request their rows after the page has loaded.
_FILLED_LATER = {"/workers", "/tasks"}
NOBODYS = "a-model-without-a-worker"


def test_a_submitted_job_completes_on_the_open_jobs_page(page: Page, jobs: Jobs) -> None:
    page.goto("/jobs")
    page.evaluate("window.sameDocument = true")
    submitted = jobs.submit([f"document {place}" for place in range(500)], model="echo")
    row = page.locator(f"#job-{submitted.job_id}")
    expect(row).to_contain_text("completed")
    expect(row.get_by_role("progressbar")).to_have_attribute("value", "100")
    expect(row).to_contain_text("500 of 500")
    assert page.evaluate("window.sameDocument"), "the page was reloaded"


def test_the_open_page_of_a_job_completes_and_shows_answers(page: Page, jobs: Jobs, store: Store) -> None:
    job_id = jobs.submit([f"document {place}" for place in range(50)], model="echo").job_id
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#summary").get_by_role("status")).to_have_text("completed")
    expect(page.locator("#answers")).to_contain_text("document 0")


def test_a_job_is_cancelled_by_keyboard_alone(page: Page, store: Store, jobs: Jobs) -> None:
    job_id = make_job(store, model=NOBODYS)
    page.goto(f"/jobs/{job_id}")
    questions: list[str] = []

    def answer_yes(dialog: object) -> None:
        questions.append(dialog.message)  # type: ignore[attr-defined]
        dialog.accept()  # type: ignore[attr-defined]

    page.on("dialog", answer_yes)
    _tab_to(page, "Cancel")
    page.keyboard.press("Enter")
    expect(page.locator("#summary").get_by_role("status")).to_have_text("cancelled")
    expect(page.get_by_text("Cancelled. 0 answers kept.")).to_be_visible()
    assert questions == [
        f"Cancel job {job_id}? Its answers are kept; the remaining documents will not be answered."
    ]
    assert jobs.status(job_id).state == JobState.CANCELLED


def test_dismissing_the_confirmation_cancels_nothing(page: Page, store: Store, jobs: Jobs) -> None:
    job_id = make_job(store, model=NOBODYS)
    page.goto(f"/jobs/{job_id}")
    page.on("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused.", exact=True)).to_be_visible()
    assert jobs.status(job_id).state == JobState.PAUSED


def test_markup_in_a_document_is_shown_as_text(page: Page, jobs: Jobs) -> None:
    job_id = jobs.submit([NASTY], model="echo").job_id
    jobs.wait_until_ended(job_id)
    page.goto(f"/jobs/{job_id}")
    expect(page.locator("#answers")).to_contain_text(NASTY)
    page.goto(f"/jobs/{job_id}/documents/0")
    expect(page.locator("main")).to_contain_text(NASTY)
    assert page.evaluate("window.pwned") is None
    assert page.locator("main b").count() == 0


def test_focus_and_input_survive_an_update(page: Page, store: Store) -> None:
    job_id = make_job(store, model=NOBODYS)
    page.goto("/jobs")
    link = page.locator(f"#job-{job_id} a")
    link.focus()
    with page.expect_response(lambda response: response.request.headers.get("hx-request") == "true"):
        newer = make_job(store, model=NOBODYS)
    expect(page.locator(f"#job-{newer}")).to_be_visible()
    expect(link).to_be_focused()
    search = page.get_by_role("searchbox", name="Name")
    search.fill("half a na")
    third = make_job(store, model=NOBODYS)
    expect(page.locator(f"#job-{third}")).to_be_visible()
    expect(search).to_have_value("half a na")


def test_a_hanging_flower_is_reported_on_the_page(chromium: Chromium, flower: Browser) -> None:
    page = chromium.new_page(base_url=flower.url)
    page.goto(flower.entrance)
    assert page.evaluate("htmx.config.timeout") == 15_000, (
        "longer than the time limit for a store that is away"
    )
    page.evaluate("htmx.config.timeout = 100")
    page.route("**/jobs", lambda _route: None)
    expect(page.get_by_role("alert")).to_have_text(
        "Flower takes too long to respond. This page shows an earlier state."
    )
    page.close()


def test_the_filter_form_sets_the_address(page: Page, store: Store) -> None:
    job_id = make_job(store, model=NOBODYS)
    page.goto("/jobs")
    page.get_by_label("State").select_option("queued")
    page.get_by_label("Model").select_option(NOBODYS)
    page.get_by_role("button", name="Filter").click()
    expect(page.locator(f"#job-{job_id}")).to_be_visible()
    assert "state=queued" in page.url
    assert f"model={NOBODYS}" in page.url


def test_no_page_of_ours_or_flowers_logs_a_browser_error(page: Page, jobs: Jobs, flower: Browser) -> None:
    job_id = jobs.submit([f"document {place}" for place in range(20)], model="echo").job_id
    jobs.wait_until_ended(job_id)
    workers = eventually(lambda: list(flower.monitor.workers), "Flower knows the worker")
    tasks = eventually(
        lambda: [key for key, _ in flower.monitor.events.state.itertasks()], "Flower knows a task"
    )
    for path in ("/", "/workers", f"/worker/{workers[0]}", "/tasks", f"/task/{tasks[0]}", "/broker", "/jobs",
                 "/schedules", "/jobs?state=paused", f"/jobs/{job_id}", f"/jobs/{job_id}/documents/0",
                 "/fleet"):  # fmt: skip
        answered = page.goto(path, wait_until="networkidle" if path in _FILLED_LATER else "load")
        assert answered is not None
        assert answered.status == 200, path
        if path == "/workers":
            expect(page.locator("#workers-refresh-status")).to_have_text(
                re.compile("^Updated [0-9:]{8} UTC$")
            )
        expect(page.get_by_role("navigation", name="Primary navigation")).to_be_visible()
    expect(page.get_by_role("link", name="Fleet")).to_have_attribute("aria-current", "page")


def test_pages_fit_the_width_of_a_phone(page: Page, jobs: Jobs, schedule: str) -> None:
    job_id = jobs.submit([NASTY * 5], model="echo").job_id
    jobs.wait_until_ended(job_id)
    page.set_viewport_size({"width": 360, "height": 740})
    for path in ("/jobs", f"/jobs/{job_id}", f"/jobs/{job_id}/documents/0", "/fleet", "/schedules", schedule):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.get_by_role("button", name="Toggle navigation").click()
    expect(page.get_by_role("link", name="Jobs")).to_be_visible()


def test_the_fields_of_a_form_stand_level_with_those_beside_them(page: Page, schedule: str) -> None:
    page.set_viewport_size({"width": 1_280, "height": 900})
    page.goto(schedule)
    tops: dict[float, set[float]] = {}
    for label in page.locator(".edit-form label:not(.wide)").all():
        box, field = label.bounding_box(), label.locator("input, select").bounding_box()
        assert box is not None
        assert field is not None
        tops.setdefault(round(box["y"]), set()).add(round(field["y"]))
    assert tops
    assert max(map(len, tops.values())) == 1


def test_the_table_of_the_fleet_fits_1280_pixels(page: Page, store: Store) -> None:
    make_worker(
        store, model="models/" + "long-name-" * 6, name="models--a-long-name-of-a-model-285c8d8d-11619@vm"
    )
    page.set_viewport_size({"width": 1_280, "height": 900})
    page.goto("/fleet")
    table = page.locator("#workers .card-table").first
    assert table.evaluate("element => element.scrollWidth - element.clientWidth") == 0


def test_colors_follow_the_system_theme(page: Page) -> None:
    for path in ("/jobs", "/workers"):
        page.emulate_media(color_scheme="dark")
        page.goto(path)
        assert _background(page) < 60, path
        page.emulate_media(color_scheme="light")
        expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")
        assert _background(page) > 200, path


def test_the_skip_link_is_first_and_leads_to_the_content(page: Page) -> None:
    page.goto("/jobs")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to main content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def _tab_to(page: Page, button: str) -> None:
    target = page.get_by_role("button", name=button)
    for _ in range(40):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", "the focus is not visible"
            return
    raise AssertionError(f"Tab does not reach {button}")


def _background(page: Page) -> float:
    """How bright it is: 0 is black, 255 white."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in re.findall(r"\d+", colour)[:3])
    return (red + green + blue) / 3
