"""The page for everyone: in words, on any screen, in the dark, on paper, and with any names."""

from itertools import pairwise, product

import pytest

from tests.picture.traced import HOSTILE, circuit, lstm, neuron, odd, rnn

WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 400, "height": 800}


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
