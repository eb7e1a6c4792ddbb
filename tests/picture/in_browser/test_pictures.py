"""The pictures of the page: what lights up, tooltips, zooming and moving."""

import math

import pytest

from tests.picture.traced import HOSTILE, circuit, lstm, odd, rnn


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


def test_a_cell_that_is_no_number_has_a_border(look):
    seen = look(odd)
    nan = seen.page.locator('#folded .cell.value[style*="--nan"]')
    assert nan.count() == 8 * 12  # the input; what is made of it is not known yet
    assert set(nan.evaluate_all("all => all.map(c => c.style.stroke)")) == {"var(--ink)"}
    seen.press("End")
    assert nan.count() == 2 * 8 * 12
