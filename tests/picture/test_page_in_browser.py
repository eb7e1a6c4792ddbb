"""The step-through page in a real browser: every control, and what is seen.

Screenshots are kept in the folder $MINIGRAD_ARTIFACTS, if it is set.
"""

import math
import os
import shutil
from itertools import pairwise, product
from pathlib import Path

import pytest

from tests.picture.traced import HOSTILE, circuit, lstm, neuron, odd, rnn

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 400, "height": 800}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium: Playwright's own, or one that is installed."""
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
        self.wrong, self.requests = [], []
        page.on("console", lambda message: self.wrong.append(message.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("dialog", lambda dialog: self.wrong.append(dialog.message))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(file.as_uri())

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
def look(browser, files, tmp_path):
    """Open the page of a trace. Afterwards nothing may have gone wrong or been fetched."""
    folder = Path(os.environ.get("MINIGRAD_ARTIFACTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    opened = []

    def look(make, viewport=WIDE, **options):
        context = browser.new_context(viewport=viewport, offline=True, **options)
        context.set_default_timeout(5000)
        opened.append(Seen(context.new_page(), files(make), folder))
        return opened[-1]

    yield look
    for seen in opened:
        seen.page.context.close()
        assert seen.wrong == []
        assert seen.requests == [seen.file.as_uri()]


# ---------------------------------------------------------------- stepping


def test_before_the_first_step_only_inputs_are_known(look):
    seen = look(circuit)
    assert seen.place == "start"
    assert sorted(seen.texts("value")) == ["-2", "-4", "5", "?", "q = ?"]
    assert seen.texts("gradient") == ["?"] * 5
    assert seen.now() == []


def test_stepping_through_the_circuit_forward_and_back(look):
    seen = look(circuit)
    story = []
    for _ in range(4):
        seen.button("Step forward").click()
        story.append((seen.place, seen.now(), seen.sentence))
    assert story == [
        ("forward 1 of 2", ["+"], "+ adds: q = x + y = -2 + 5 = 3"),
        ("forward 2 of 2", ["×"], "× multiplies: f = q · z = 3 · (-4) = -12"),
        (
            "backward 1 of 2",
            ["×"],
            "∂f/∂f = 1. × swaps its inputs: ∂f/∂q = ∂f/∂f · z = 1 · (-4) = -4\n"
            "∂f/∂z = ∂f/∂f · q = 1 · 3 = 3",
        ),
        (
            "backward 2 of 2",
            ["+"],
            "+ hands the gradient to both inputs: ∂f/∂x = ∂f/∂q = -4\n∂f/∂y = ∂f/∂q = -4",
        ),
    ]
    assert sorted(seen.texts("gradient")) == ["-4", "-4", "-4", "1", "3"]
    for _ in range(3):
        seen.button("Step back").click()
    assert (seen.place, seen.sentence) == (story[0][0], story[0][2])
    assert seen.texts("gradient") == ["?"] * 5


def test_to_the_end_and_to_the_start(look):
    seen = look(circuit)
    seen.button("To the end").click()
    assert seen.place == "backward 2 of 2"
    assert seen.button("Step forward").is_disabled()
    assert seen.button("To the end").is_disabled()
    seen.button("To the start").click()
    assert seen.place == "start"
    assert seen.button("Step back").is_disabled()


def test_the_scrubber_goes_to_any_moment_and_shows_where_the_way_back_begins(look):
    seen = look(neuron)
    scrub = seen.page.get_by_role("slider", name="Moment")
    assert (scrub.get_attribute("min"), scrub.get_attribute("max")) == ("0", "16")
    scrub.fill("10")
    assert seen.place == "backward 2 of 8"
    assert scrub.get_attribute("aria-valuetext") == "backward 2 of 8"
    bars = seen.page.locator(".passes span")
    widths = [bars.nth(i).bounding_box()["width"] for i in range(2)]
    assert widths[0] / widths[1] == pytest.approx(1, rel=0.02)
    scrub.focus()
    seen.press("ArrowLeft")
    assert seen.place == "backward 1 of 8"


def test_play_goes_on_by_itself_and_stops_at_the_end(look):
    seen = look(circuit)
    seen.page.get_by_label("speed").select_option("4")
    seen.button("Play").click()
    assert seen.button("Pause").is_visible()
    seen.until(lambda: seen.place == "backward 2 of 2")
    assert seen.button("Play").is_visible()
    seen.button("Play").click()
    assert seen.place == "start"
    seen.button("Pause").click()
    seen.page.wait_for_timeout(600)
    assert seen.place == "start"


def test_stepping_by_hand_ends_playing(look):
    seen = look(neuron)
    seen.button("Play").click()
    seen.press("ArrowRight")
    assert seen.place == "forward 1 of 8"
    assert seen.button("Play").is_visible()


def test_the_keys(look):
    seen = look(rnn)
    places = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home"):
        seen.press(key)
        places.append(seen.place)
    assert places == [
        "forward 1 of 23",
        "forward 2 of 23",
        "forward 1 of 23",
        "backward 22 of 22",
        "start",
    ]
    seen.press("]", "]")
    assert seen.clock() == "t = 2"
    seen.press("[")
    assert seen.clock() == "t = 1"
    seen.press("Space")
    assert seen.button("Pause").is_visible()
    seen.press("Space")
    whole = seen.page.evaluate("pictures[0].view.whole.width")
    seen.press("0")
    assert seen.box()[2] == pytest.approx(whole)
    seen.press("+")
    near = seen.box()[2]
    assert near < whole
    seen.press("-", "-")
    assert seen.box()[2] > near
    seen.press("d")
    assert "dark" in seen.page.locator("html").get_attribute("class")


def test_a_key_with_control_is_the_browsers_own(look):
    seen = look(circuit)
    seen.press("Alt+ArrowUp", "Control+0", "Control+ArrowRight")
    assert seen.place == "start"


def test_question_mark_shows_the_keys_and_escape_closes_them(look):
    seen = look(circuit)
    seen.press("?")
    dialog = seen.page.get_by_role("dialog", name="Keys")
    assert dialog.is_visible()
    assert {"space", "Home", "End", "[", "]"} <= set(dialog.locator("kbd").all_text_contents())
    seen.press("ArrowRight")
    assert seen.place == "start"
    seen.press("Escape")
    assert not dialog.is_visible()
    seen.button("keys").click()
    seen.shot("keys")
    dialog.get_by_role("button", name="close").click()
    assert not dialog.is_visible()


# ---------------------------------------------------------------- pictures


def test_the_gate_at_work_can_be_told_in_grey_and_its_lines_are_thick(look):
    seen = look(circuit)
    seen.steps(1)
    seen.page.wait_for_timeout(250)
    width = "e => parseFloat(getComputedStyle(e).strokeWidth)"
    gates = seen.page.locator("#folded .gate ellipse")
    assert sorted(gates.nth(i).evaluate(width) for i in range(2)) == [1.1, 4]
    lit = seen.page.locator("#folded .edge.lit path")
    assert {lit.nth(i).evaluate(width) for i in range(lit.count())} == {2.6}
    assert seen.page.locator("#folded .edge:not(.lit)").count() == 4


def test_a_click_on_a_gate_goes_to_its_moment_and_again_to_its_way_back(look):
    seen = look(circuit)
    times = seen.page.get_by_role("button", name="gate ×")
    times.click()
    assert seen.place == "forward 2 of 2"
    times.click()
    assert seen.place == "backward 1 of 2"
    times.click()
    assert seen.place == "forward 2 of 2"


def test_gates_are_reached_by_tab_and_enter_goes_to_their_moment(look):
    seen = look(circuit)
    names = []
    for _ in range(30):
        seen.press("Tab")
        names.append(
            seen.page.evaluate(
                "document.activeElement.getAttribute('aria-label') ?? document.activeElement.id"
            )
        )
        if names[-1] == "gate ×, makes f":
            break
    assert {"gate +, makes q", "wire q", "gate ×, makes f"} <= set(names)
    seen.press("Enter")
    assert seen.place == "forward 2 of 2"
    seen.press(" ")
    assert seen.place == "backward 1 of 2"


def test_a_tooltip_has_the_whole_array_once_it_is_known(look):
    seen = look(rnn)
    tip = seen.page.get_by_role("tooltip")
    weights = seen.page.get_by_role("img", name="wire Whh").first
    weights.focus()
    lines = tip.locator("p").all_text_contents()
    assert lines[0] == "Whh"
    assert lines[1] == "3×3 · parameter"
    assert "traced.py:" in lines[2]
    assert lines[3:] == ["value", "gradient: not yet known"]
    seen.press("End")
    assert tip.locator("p").all_text_contents()[4] == "gradient"
    trace = rnn()
    for i, array in enumerate((trace["Whh"], trace.grad("Whh"))):
        cells = tip.locator(".array").nth(i).locator("td").all_text_contents()
        assert [float(c) for c in cells] == pytest.approx(array.ravel().tolist(), rel=1e-3)
    seen.shot("tip")
    seen.press("Escape")
    assert not tip.is_visible()


def test_the_tooltip_of_a_gate_comes_and_goes_with_the_mouse(look):
    seen = look(circuit)
    seen.press("End")
    tip = seen.page.locator("#tip")
    seen.page.locator("#folded .gate").first.hover()
    assert tip.is_visible()
    assert tip.locator(".name").text_content() == "q"
    assert tip.locator("td").all_text_contents() == ["3", "-4"]
    seen.page.locator("h1").hover()
    assert not tip.is_visible()


def test_a_large_array_is_cut_in_its_tooltip(look):
    seen = look(odd)
    seen.press("End")
    seen.page.get_by_role("img", name=HOSTILE[0]).first.focus()
    cells = seen.page.locator("#tip .array").first.locator("td").all_text_contents()
    assert len(cells) == 81
    assert set(cells) == {"nan", "…"}
    seen.shot("tip")


def test_zoom_by_buttons_and_wheel_and_fit(look):
    seen = look(circuit)
    whole = seen.box()
    width = whole[2]
    zoom = seen.page.locator("#folded .zoom")
    zoom.get_by_role("button", name="Zoom in").click()
    assert seen.box()[2] < 2 * width
    near = seen.box()[2]
    zoom.get_by_role("button", name="Zoom out").click()
    assert seen.box()[2] == pytest.approx(1.3 * near, rel=0.01)
    zoom.get_by_role("button", name="fit").click()
    assert seen.box() == whole
    seen.page.mouse.move(640, 300)
    scales = [seen.page.evaluate("pictures[0].view.scale")]
    for turned in (-250, 100):
        seen.page.mouse.wheel(0, turned)
        seen.until(lambda: seen.page.evaluate("pictures[0].view.scale") != scales[-1])
        scales.append(seen.page.evaluate("pictures[0].view.scale"))
    assert scales[1] / scales[0] == pytest.approx(math.exp(0.5), rel=0.01)
    assert scales[2] / scales[1] == pytest.approx(math.exp(-0.2), rel=0.01)


def test_dragging_moves_the_picture_and_is_no_click(look):
    seen = look(circuit)
    gate = seen.page.locator("#folded .gate").first.bounding_box()
    x, y = gate["x"] + gate["width"] / 2, gate["y"] + gate["height"] / 2
    before = seen.box()
    seen.page.mouse.move(x, y)
    seen.page.mouse.down()
    seen.page.mouse.move(x + 60, y + 40, steps=4)
    seen.page.mouse.up()
    after = seen.box()
    assert (after[0] < before[0], after[1] < before[1], after[2]) == (True, True, before[2])
    assert seen.place == "start"
    moved = seen.page.locator("#folded .gate").first.bounding_box()
    assert (moved["x"] - gate["x"], moved["y"] - gate["y"]) == pytest.approx((60, 40), abs=2)


def test_the_gate_at_work_stays_in_sight(look):
    seen = look(lstm)
    for position in (1, 3, 20, 60, 107, 130, 190):
        seen.go(position)
        for picture in ("folded", "unrolled"):
            figure = seen.page.locator(f"#{picture}").bounding_box()
            gate = seen.page.locator(f"#{picture} .now").bounding_box()
            assert figure["x"] <= gate["x"] <= figure["x"] + figure["width"] - gate["width"]
            assert figure["y"] <= gate["y"] <= figure["y"] + figure["height"] - gate["height"]


# ---------------------------------------------------------------- time


def test_the_time_slider_moves_both_pictures(look):
    seen = look(rnn)
    seen.press("End")
    trace = rnn()
    (h,) = (a for v, a in trace.values.items() if str(getattr(v.owner, "gate", "")) == "tanh")
    slider = seen.page.locator("#clock").get_by_role("slider", name="step")
    assert slider.get_attribute("max") == "3"
    for t in (3, 1):
        slider.fill(str(t))
        assert seen.clock() == f"t = {t}"
        assert seen.page.locator("#folded figcaption").text_content() == f"t = {t}"
        shown = f"{h[t].min():.3g}…{h[t].max():.3g}"
        assert shown in seen.texts("value")
        here = seen.page.locator("#unrolled .cluster.here > text").all_text_contents()
        assert here == [f"t = {t}"]


def test_heat_strips_follow_the_time_slider(look):
    seen = look(rnn)
    seen.press("End")
    (key,) = seen.page.evaluate(
        "data.variables.flatMap((v, n) => v.made != 'Tanh()' ? [] :"
        " pictures[0].wires.filter(w => w.number == n).map(w => w.key))"
    )
    strip = seen.page.locator(f"#folded-{key} .cell.value")
    colours = set()
    for _ in range(4):
        colours.add(tuple(strip.evaluate_all("all => all.map(c => c.style.fill)")))
        seen.press("]")
    assert len(colours) == 4
    assert {len(found) for found in colours} == {3}


def test_a_cell_that_is_no_number_has_a_border(look):
    seen = look(odd)
    nan = seen.page.locator('#folded .cell.value[style*="--nan"]')
    assert nan.count() == 48  # the input; what is made of it is not known yet
    assert set(nan.evaluate_all("all => all.map(c => c.style.stroke)")) == {"var(--ink)"}
    seen.press("End")
    assert nan.count() == 96


def test_walking_moves_the_time_slider(look):
    seen = look(rnn)
    clocks = []
    for position in (1, 6, 7, 11, 12, 21, 45):
        seen.go(position)
        clocks.append(seen.clock())
    assert clocks == [f"t = {t}" for t in (0, 0, 1, 1, 2, 3, 0)]
    assert seen.page.locator("#unrolled .cluster.here > text").all_text_contents() == ["t = 0"]


def test_a_step_that_has_not_run_yet_is_not_known(look):
    seen = look(rnn)
    seen.steps(6)
    known = len([t for t in seen.texts("value") if t != "?"])
    seen.press("]")
    assert len([t for t in seen.texts("value") if t != "?"]) < known


def test_one_picture_or_both(look):
    seen = look(rnn)
    folded, unrolled = seen.page.locator("#folded"), seen.page.locator("#unrolled")
    for name, there in (
        ("folded", (True, False)),
        ("unrolled", (False, True)),
        ("both", (True, True)),
    ):
        seen.button(name).click()
        assert (folded.is_visible(), unrolled.is_visible()) == there
        assert seen.button(name).get_attribute("aria-pressed") == "true"
        seen.steps(2)
        seen.shot(name)


# ---------------------------------------------------------------- all in words


def test_everything_can_be_read_below(look):
    seen = look(rnn)
    seen.page.get_by_text("All moments in words").click()
    assert seen.page.locator("#story li").count() == 45
    seen.page.get_by_text("All values and gradients").click()
    table = seen.page.locator("#numbers .wide > table")
    assert table.is_visible()
    assert table.get_by_role("columnheader").all_text_contents() == [
        "variable",
        "step",
        "shape",
        "value",
        "gradient",
    ]
    trace = rnn()
    rows = table.locator("tbody > tr:has(> th:text-is('b'))")
    cells = rows.locator("> td").last.locator("td").all_text_contents()
    assert [float(c) for c in cells] == pytest.approx(trace.grad("b").tolist(), rel=1e-3)
    steps = table.locator("tbody > tr:has(> th:text-is('x_t')) > td:nth-child(2)")
    assert steps.all_text_contents() == ["0", "1", "2", "3"]


def test_a_screen_reader_has_a_name_for_everything(look):
    seen = look(rnn)
    words = seen.page.get_by_role("status")
    assert words.count() == 1
    assert words.get_attribute("aria-live") == "polite"
    assert words.locator("#sentence").count() == 1
    for role in ("button", "slider", "combobox", "img", "group"):
        named = "e => e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent"
        names = seen.page.get_by_role(role).evaluate_all(f"all => all.map({named})")
        assert names
        assert all(name.strip() for name in names)
    assert seen.page.locator("html").get_attribute("lang") == "en"
    assert seen.page.get_by_role("heading", level=1).text_content() == "L, step by step"


def test_the_first_tab_offers_to_skip_the_pictures(look):
    seen = look(rnn)
    seen.press("Tab")
    assert seen.page.evaluate("document.activeElement.textContent") == "Skip to the controls"
    seen.press("Enter", "Tab")
    assert seen.page.evaluate("document.activeElement.id") == "play"  # two before it are disabled


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize("make", [circuit, neuron, rnn, lstm], ids=lambda f: f.__name__)
def test_it_fits_wide_and_narrow_screens_in_light_and_dark(look, make):
    seen = look(make)
    seen.go(seen.page.evaluate("Math.round(0.7 * last)"))
    for size, scheme in product((WIDE, NARROW), ("light", "dark")):
        seen.page.set_viewport_size(size)
        seen.page.emulate_media(color_scheme=scheme)
        ground = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 25, 29)"}[scheme]
        seen.until(lambda ground=ground: seen.ground == ground)
        seen.page.wait_for_timeout(200)
        seen.shot(f"{scheme}_{size['width']}")
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        for part in ("#sentence", "#play", "#scrub", "#folded .now"):
            box = seen.page.locator(part).bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= size["width"]
            assert box["y"] + box["height"] <= size["height"]


def test_no_sentence_is_cut_on_a_wide_screen(look):
    seen = look(rnn)
    cut = """() => {
        const words = document.querySelector(".words");
        const isCut = (i) => { go(i); return words.scrollHeight > words.clientHeight; };
        return [...data.moments.keys(), last].filter(isCut);
    }"""
    assert seen.page.evaluate(cut) == []


def test_the_button_turns_light_to_dark_and_back(look):
    seen = look(circuit)
    fill = "e => getComputedStyle(e).fill"
    gate = seen.page.locator("#folded .gate ellipse").first
    assert gate.evaluate(fill) == "rgb(255, 247, 224)"
    seen.button("dark").click()
    assert gate.evaluate(fill) == "rgb(74, 63, 28)"
    seen.button("light").click()
    assert gate.evaluate(fill) == "rgb(255, 247, 224)"


def test_where_motion_is_not_wanted_nothing_moves_by_itself(look):
    seen = look(circuit, reduced_motion="reduce")
    moving = "e => getComputedStyle(e).transitionDuration"
    assert seen.page.locator("#folded .gate ellipse").first.evaluate(moving) == "0s"


def test_print_has_all_values_and_all_sentences_and_no_controls(look):
    seen = look(rnn, viewport={"width": 794, "height": 1123}, color_scheme="dark")
    seen.steps(3)
    seen.page.emulate_media(media="print")
    seen.until(lambda: seen.page.locator("details[open]").count() == 2)
    assert "?" not in seen.texts("value") + seen.texts("gradient")
    assert seen.now() == []
    whole = seen.page.evaluate("pictures.map(p => p.view.whole.width)")
    assert [seen.box("folded")[2], seen.box("unrolled")[2]] == pytest.approx(whole)
    assert not seen.page.locator("#controls").is_visible()
    assert seen.page.locator("#story li").last.is_visible()
    assert seen.ground == "rgb(255, 255, 255)"
    boxes = [seen.page.locator(s).bounding_box() for s in ("#folded", "#unrolled", "#story")]
    assert all(a["y"] + a["height"] <= b["y"] for a, b in pairwise(boxes))
    seen.shot("print", full_page=True)
    assert seen.page.pdf().startswith(b"%PDF")
    seen.page.emulate_media(media="screen")
    seen.until(lambda: seen.page.locator("details[open]").count() == 0)
    assert seen.place == "forward 3 of 23"


# ---------------------------------------------------------------- safety


def test_names_of_any_kind_are_shown_and_never_run(look):
    seen = look(odd)
    last = int(seen.page.locator("#scrub").get_attribute("max"))
    for position in range(last + 1):
        seen.go(position)
    seen.page.get_by_role("img", name="wire <img").first.focus()
    assert seen.page.locator("#tip .name").text_content() == HOSTILE[1]
    assert (seen.page.locator("script").count(), seen.page.locator("img").count()) == (2, 0)
    seen.shot("end")


def test_in_a_notebook_it_runs_in_its_frame(look):
    seen = look(circuit)
    seen.page.set_content(circuit().page()._repr_html_())
    inside = seen.page.frame_locator("iframe")
    inside.get_by_role("button", name="Step forward").click()
    assert inside.locator("#place").text_content() == "forward 1 of 2"
    assert seen.page.locator("iframe").get_attribute("title") == "f, step by step"
