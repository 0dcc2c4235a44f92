"""The page in a real browser: Debian's Chromium, driven by Playwright."""

import base64
import io
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; pip install -e '.[dev]'")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed; apt-get install chromium")
PATIENCE = 240_000  # milliseconds: what a busy machine takes for what takes a second elsewhere
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser, served):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.strange = []  # requests that go elsewhere, and errors of scripts
    page.on(
        "request",
        lambda r: page.strange.append(r.url) if not r.url.startswith((served.address, "data:", "blob:")) else 0,
    )
    page.on("pageerror", lambda error: page.strange.append(str(error)))
    page.goto(served.address)
    page.get_by_role("button", name="Generate faces").wait_for()
    yield page
    assert page.strange == []
    context.close()


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "face.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (20, 20, 3), np.uint8)).save(path)
    return path


def tab(page, name):
    page.get_by_role("tab", name=name).click()


def give(page, path):
    page.locator("input[type=file]:visible, [role=tabpanel]:visible input[type=file]").first.set_input_files(str(path))


def test_words_become_faces_that_hold_their_settings(page, served, model):
    page.get_by_label("What the face looks like").fill("a man")
    served.gate.clear()
    page.get_by_role("button", name="Generate faces").click()
    page.get_by_text("Your faces are waiting in the queue").wait_for()
    served.gate.set()
    faces = page.locator("#t2f-generated img[alt^='A face generated']")
    faces.nth(3).wait_for()
    assert faces.count() == 4
    link = page.get_by_role("link", name="Download the face of seed 1")
    assert link.get_attribute("download") == "face-000001.png"
    file = Image.open(io.BytesIO(base64.b64decode(link.get_attribute("href").partition(",")[2])))
    (right,) = model.generate("a man", seed=1)
    assert file.info["prompt"] == right.info["prompt"] and file.info["seed"] == "1"
    np.testing.assert_array_equal(np.asarray(file), np.asarray(right))


def test_the_footer_is_one_link(page):
    assert page.locator("footer").inner_text().split("\n") == ["Use via API"]


def test_nothing_asked_is_told(page):
    page.get_by_role("button", name="Generate faces").click()
    assert "the prompt is empty" in page.get_by_role("alert").first.inner_text()


def test_a_face_is_described_and_analyzed(page, picture):
    tab(page, "Describe")
    give(page, picture)
    page.get_by_role("button", name="Describe", exact=True).click()
    page.locator("#t2f-described blockquote").wait_for()
    tab(page, "Analyze")
    give(page, picture)
    page.get_by_role("button", name="Analyze", exact=True).click()
    plot = page.get_by_role("img", name="Distribution of age from 1 to 90")
    plot.wait_for()
    assert {"gender", "glasses"} <= {
        t.split(":")[0] for t in page.locator("#t2f-analyzed :is(h2, th)").all_inner_texts()
    }


def test_a_bad_upload_is_told(page, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture at all")
    tab(page, "Describe")
    give(page, bad)
    page.get_by_role("button", name="Describe", exact=True).click()
    assert "not a readable image" in page.get_by_role("alert").first.inner_text()


def test_a_full_queue_is_told(page, served):
    httpx = pytest.importorskip("httpx")
    url, data = f"{served.address}/gradio_api/call/generate", {"data": ["a man", [], [], 1, 0, 0, None]}
    served.gate.clear()
    try:
        while httpx.post(url, json=data, timeout=60).status_code == 200:
            pass
        page.get_by_label("What the face looks like").fill("a man")
        page.get_by_role("button", name="Generate faces").click()
        page.get_by_text("busy").first.wait_for()
    finally:
        served.gate.set()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(page, served, picture, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="pip install -e '.[dev]'").Axe()
    page.goto(f"{served.address}/?__theme={theme}")
    page.get_by_label("What the face looks like").fill("a man")
    page.get_by_role("button", name="Generate faces").click()
    page.locator("#t2f-generated a").nth(3).wait_for()
    for button in ("Attributes: what it should show", "Sampling"):
        page.get_by_role("button", name=button).click()
    found = {"Generate": serious(axe, page)}
    for name in ("Describe", "Analyze"):
        tab(page, name)
        give(page, picture)
        page.get_by_role("button", name=name, exact=True).click()
        page.locator(f"#t2f-{'described' if name == 'Describe' else 'analyzed'} :is(blockquote, h2)").first.wait_for()
        found[name] = serious(axe, page)
    assert found == {"Generate": [], "Describe": [], "Analyze": []}


def serious(axe, page):
    violations = axe.run(page).response["violations"]
    return [f"{v['id']}: {node['html'][:200]}" for v in violations if v["impact"] in SERIOUS for node in v["nodes"]]


def test_a_phone_shows_it_without_scrolling_sideways(browser, served):
    context = browser.new_context(viewport={"width": 375, "height": 740}, device_scale_factor=2)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(served.address)
    page.get_by_role("button", name="Generate faces").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    context.close()


def test_the_style_is_part_of_the_package():
    from t2f_jax import demo

    assert {"style.css", "fragments.html"} <= {path.name for path in pathlib.Path(demo.__file__).parent.iterdir()}
