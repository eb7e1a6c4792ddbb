"""The step-through page opened in a real browser.

Screenshots are kept in the folder $MINIGRAD_ARTIFACTS, if it is set.
"""

import os
import shutil
from pathlib import Path

import pytest

WIDE = {"width": 1280, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")  # Playwright's event loop is in the way of others
def browser():
    """Headless Chromium: Playwright's own, or one that is installed."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    arguments = ["--no-sandbox"] if root else []
    with playwright.sync_playwright() as engine:
        paths = [engine.chromium.executable_path, *map(shutil.which, BROWSERS)]
        path = next((p for p in paths if p and Path(p).exists()), None)
        if path is None:
            pytest.skip("no Chromium is installed")
        browser = engine.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def tab(browser):
    """A page to open files in, and what has gone wrong in it and was asked for since then."""
    page = browser.new_context(offline=True).new_page()
    page.set_default_timeout(5000)
    wrong, requests = [], []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", lambda dialog: (wrong.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    return page, wrong, requests


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """The file of a page, by the function that makes its trace."""
    folder, made = tmp_path_factory.mktemp("pages"), {}

    def file(make):
        if make not in made:
            made[make] = folder / f"{make.__name__}.html"
            make().page(made[make])
        return made[make]

    return file


class Seen:
    """An open page as its reader sees it."""

    def __init__(self, page, file, folder):
        self.page, self.file, self.folder = page, file, folder

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def button(self, name):
        return self.page.get_by_role("button", name=name, exact=True)

    def go(self, position):
        self.page.locator("#scrub").fill(str(position))

    def steps(self, count):
        self.press(*["ArrowRight"] * count)

    @property
    def place(self):
        return self.page.locator("#place").text_content()

    @property
    def sentence(self):
        return self.page.locator("#sentence").text_content()

    def texts(self, word, picture="folded"):
        """The values or gradients in a picture, by wire."""
        found = self.page.locator(f"#{picture} text.{word}")
        return found.evaluate_all("all => all.map(t => t.textContent)")

    def now(self, picture="folded"):
        return self.page.locator(f"#{picture} .now").evaluate_all(
            "all => all.map(g => [...g.querySelectorAll('text')].map(t => t.textContent).join(' '))"
        )

    def box(self, picture="folded"):
        """What is seen of a picture: x, y, width, height."""
        shown = self.page.locator(f"#{picture} > svg").get_attribute("viewBox")
        return [float(n) for n in shown.split()]

    @property
    def ground(self):
        return self.page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")

    def clock(self):
        return self.page.locator("#clock b").text_content()

    def until(self, condition):
        """Wait for what the page does by itself. (Playwright's own way is against its policy.)"""
        for _ in range(100):
            if condition():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError("it did not happen within 5 seconds")

    def shot(self, name, **options):
        self.page.screenshot(path=self.folder / f"{self.file.stem}_{name}.png", **options)


@pytest.fixture
def look(tab, files, tmp_path):
    """Open the page of a trace. Afterwards nothing may have gone wrong or been fetched."""
    page, wrong, requests = tab
    folder = Path(os.environ.get("MINIGRAD_ARTIFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)

    def look(make, viewport=WIDE, color_scheme="light", reduced_motion="no-preference"):
        page.mouse.move(0, 0)
        page.set_viewport_size(viewport)
        page.emulate_media(media="screen", color_scheme=color_scheme, reduced_motion=reduced_motion)
        del wrong[:], requests[:]
        page.goto(files(make).as_uri())
        return Seen(page, files(make), folder)

    yield look
    assert wrong == []
    assert len(requests) == 1
    assert requests[0].startswith("file:")
