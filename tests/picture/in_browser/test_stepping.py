"""Stepping through a run: buttons, keys, sliders, and time."""

import pytest

from tests.picture.traced import circuit, neuron, rnn


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
    scale = "pictures[0].view.scale"
    far = seen.page.evaluate(scale)
    seen.press("+")
    near = seen.page.evaluate(scale)
    assert near > far
    seen.press("-", "-")
    assert seen.page.evaluate(scale) < near
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
