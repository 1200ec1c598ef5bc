"""The page of a report: its content, and that a browser draws all of it without a network."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError
from playwright.sync_api import Browser
from plotly.graph_objects import Figure
from plotly.offline import get_plotlyjs

from shared.domain.importance import Importance
from shared.domain.sweep import Goal
from sweepctl.report.drawing import RUN, Chart, dots
from sweepctl.report.material import Material
from sweepctl.report.page import chart_data, page, templates
from sweepctl.report.section import Section
from sweepctl.report.sections import sections_of
from sweepctl.report.timeline import Timeline
from sweepctl.report.write import write_report
from tests.browser import DESKTOP, PHONE, Scheme, Visit, visit
from tests.finished_sweeps import NASTY
from tests.sweepctl.report.materials import a_material

BLANK_CHARTS = """() => [...document.querySelectorAll('.plot')]
    .filter(plot => plot.querySelectorAll('.point, .js-line').length === 0 || plot.clientWidth === 0)
    .map(plot => plot.id)"""
COLOURS = """() => ({
    page: getComputedStyle(document.body).backgroundColor,
    text: getComputedStyle(document.body).color,
    mark: getComputedStyle(document.querySelector('#plot-front .point')).fill,
    axis: getComputedStyle(document.querySelector('#plot-front .xtick text')).fill,
})"""
WIDTH_OF_PAPER = 794  # pixels of A4
LARGEST = 6_000_000
LARGEST_DATA = 1_100_000


def words_of(section: Section) -> str:
    cells = [cell for table in section.tables for row in table.rows for cell in row]
    return " ".join([section.title, *section.text, *(chart.alt for chart in section.charts), *cells])


def section_of(material: Material, key: str) -> Section:
    return next(section for section in sections_of(material) if section.key == key)


@pytest.mark.parametrize("many", [0, 1, 40])
def test_a_report_has_all_of_its_sections_however_many_runs_there_are(many: int) -> None:
    sections = sections_of(a_material(many))

    assert [section.key for section in sections] == [
        "best",
        "history",
        "front",
        "importance",
        "slices",
        "together",
        "curves",
        "predictions",
        "failures",
        "workers",
    ]
    assert all(section.text or section.facts or section.charts for section in sections)


def test_without_a_run_the_sections_say_so() -> None:
    reported = " ".join(
        words_of(section) for section in sections_of(a_material(0, importance=Importance(missing="no run")))
    )

    assert "No run has been suggested yet." in reported
    assert "Not computed: no run." in reported
    assert "no run was claimed yet" in reported


def test_every_chart_is_a_figure_that_plotly_knows() -> None:
    for section in sections_of(a_material(60)):
        for chart in section.charts:
            Figure(painted({"data": chart.data, "layout": chart.layout}))  # raises ValueError for what it does not know


def test_every_chart_says_in_words_what_it_shows() -> None:
    charts = [chart for section in sections_of(a_material(60)) for chart in section.charts]

    assert len(charts) > 12
    assert all(len(chart.alt) > 20 for chart in charts)
    assert len({chart.key for chart in charts}) == len(charts)


@pytest.mark.parametrize(("goal", "better"), [("maximize", max), ("minimize", min)])
def test_the_best_so_far_goes_the_way_of_the_goal(goal: Goal, better: Any) -> None:
    material = a_material(60, goal=goal)
    scores = [run.score for run in material.runs if run.score is not None]
    chart = section_of(material, "history").charts[0]

    line = next(trace for trace in chart.data if trace["mode"] == "lines")

    assert line["y"][-1] == better(scores)
    assert line["y"] == sorted(line["y"], reverse=goal == "minimize")
    assert ("higher" if goal == "maximize" else "lower") in chart.layout["yaxis"]["title"]["text"]


def test_the_importance_names_its_method_and_how_far_it_can_be_trusted() -> None:
    reported = words_of(
        section_of(a_material(60, importance=Importance(60, 14, 0.12, {"trainer.gamma": 0.9})), "importance")
    )

    for part in ("Sobol", "Jansen", "60 runs", "12 %", "treat the order of the parameters as a guess", "90.0 %"):
        assert part in reported


def test_with_too_few_runs_the_importance_says_how_many_are_needed() -> None:
    found = section_of(a_material(5, importance=Importance(5, 14)), "importance")

    assert found.text == ["Too few runs have a score: 5. This search space needs at least 14."]
    assert not found.charts


def test_inactive_parameters_and_failed_runs_are_shown_as_such() -> None:
    material = a_material(80)
    slices = {chart.title: chart for chart in section_of(material, "slices").charts}
    momentum = slices["Score by trainer.optimizer.momentum"]
    shown = sum(len(trace["x"]) for trace in momentum.data)

    assert 0 < shown < len(material.runs)
    assert "inactive in" in momentum.alt
    assert any(trace["marker"]["symbol"] == "x-thin-open" for trace in momentum.data)
    assert any(trace["marker"]["symbol"] == "diamond" for chart in slices.values() for trace in chart.data)


def test_failures_are_grouped_by_their_message() -> None:
    (table,) = section_of(a_material(80), "failures").tables

    assert [(row[1], row[2]) for row in table.rows] == [("user code", "4"), ("user code", "3")]


def test_a_sweep_whose_log_was_dropped_is_reported_without_times() -> None:
    material = replace(a_material(30, log_dropped=True), timeline=Timeline(), curves={})

    reported = " ".join(words_of(section) for section in sections_of(material))

    assert "No chart over time: the log of this sweep was deleted" in reported
    assert "No chart: the log was deleted when its retention ended." in reported
    assert len(section_of(material, "history").charts) == 2


def test_what_users_wrote_can_neither_run_nor_be_read_as_a_tag() -> None:
    text = page(a_material(60), plotly="/* plotly */")

    assert NASTY not in text
    assert "<script>window" not in text
    assert text.count("<script") == text.count("</script>") == 3
    assert "script-src 'sha256-" in text
    assert re.search(r"https?:|url\(|@import", text.replace("https://example.org/", "")) is None


def test_the_page_of_a_large_sweep_stays_small() -> None:
    material = a_material(5000)

    text = page(material, plotly="")

    assert len(text.encode()) < LARGEST_DATA
    history = section_of(material, "history")
    assert any("of 4546 runs" in sentence for sentence in history.text)
    assert max(len(trace["x"]) for chart in history.charts for trace in chart.data) < 1100


def test_the_name_of_a_metric_is_escaped_once_for_plotly_and_once_for_the_page() -> None:
    material = a_material(30)
    config = {**material.sweep.config, "sweep": {**material.sweep.config["sweep"], "metric": "loss < 1"}}
    material = replace(material, sweep=material.sweep.model_copy(update={"config": config}))

    (chart,) = section_of(material, "curves").charts

    assert chart.layout["yaxis"]["title"]["text"] == "loss &lt; 1"
    assert "<strong>loss &lt; 1</strong>" in page(material, plotly="")


def test_the_charts_share_their_hover_texts_and_hold_no_number_that_is_not_json() -> None:
    charts = [
        Chart(key, "", "", [dots([math.inf, 2.0], [1.0, math.nan], text=["a", "b"], color=RUN)], {}) for key in "xy"
    ]

    data = chart_data(charts)

    assert data["texts"] == ["a", "b"]
    assert [data["figures"][key]["data"][0]["text"] for key in "xy"] == [[0, 1], [0, 1]]
    assert (data["figures"]["x"]["data"][0]["x"], data["figures"]["x"]["data"][0]["y"]) == ([None, 2.0], [1.0, None])


def test_a_template_that_uses_a_name_without_a_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="forgotten"):
        templates().from_string("{{ forgotten }}").render()


# ------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture(scope="module", params=[0, 1, 80])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report of none, one and many runs."""
    place = tmp_path_factory.mktemp("report") / "s.html"
    write_report(a_material(request.param), place)
    return place


@pytest.mark.slow
@pytest.mark.parametrize(("width", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_a_report_is_drawn_without_a_network_at_any_width(
    browser: Browser, report: Path, width: int, scheme: Scheme
) -> None:
    with visit(browser, report.as_uri(), width=width, scheme=scheme) as opened:
        opened.page.wait_for_selector("html[data-drawn]")

        assert opened.errors == []
        assert opened.requests == [report.as_uri()]
        assert opened.widths() == (width, width)
        assert blank_charts(opened) == []
        assert opened.page.evaluate("window.stolen") is None
        assert opened.page.locator("svg a[href], svg a").count() == 0


@pytest.mark.slow
def test_a_report_of_5000_runs_is_drawn(browser: Browser, tmp_path: Path) -> None:
    place = tmp_path / "s.html"
    size = write_report(a_material(5000), place)

    with visit(browser, place.as_uri(), width=PHONE) as opened:
        opened.page.wait_for_selector("html[data-drawn]")

        assert size == place.stat().st_size < LARGEST
        assert (opened.errors, blank_charts(opened)) == ([], [])


@pytest.mark.slow
def test_a_report_turns_dark_with_the_system(browser: Browser, tmp_path: Path) -> None:
    place = tmp_path / "s.html"
    write_report(a_material(30), place)

    with visit(browser, place.as_uri()) as opened:
        opened.page.wait_for_selector("html[data-drawn='1']")
        light = colours(opened)
        opened.page.emulate_media(color_scheme="dark")
        opened.page.wait_for_selector("html[data-drawn='2']")
        dark = colours(opened)

    assert light.keys() == dark.keys()
    assert all(light[part] != dark[part] for part in light)


@pytest.mark.slow
def test_a_mark_says_at_the_pointer_which_run_it_is(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "s.html"
    write_report(a_material(30), path)

    with visit(browser, path.as_uri()) as opened:
        opened.page.wait_for_selector("html[data-drawn]")

        for key, trace in (("history-runs", 0), ("slice-0", 0), ("together", 0), ("curves", 0), ("failures", 1)):
            assert re.match(r"r\.\d+", hovered(opened, key, trace))
        assert "training, attempt 1" in hovered(opened, "workers", 0)


@pytest.mark.slow
def test_all_charts_are_drawn_at_once_for_a_printer_light_and_as_wide_as_paper(
    browser: Browser, tmp_path: Path
) -> None:
    path = tmp_path / "s.html"
    write_report(a_material(30), path)

    with visit(browser, path.as_uri(), scheme="dark") as opened:
        printed = opened.page.evaluate(f"""() => {{
            window.dispatchEvent(new Event('beforeprint'));
            return [({BLANK_CHARTS})(), ({COLOURS})(), document.querySelector('#plot-front .main-svg').clientWidth];
        }}""")
        opened.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        opened.page.wait_for_selector("html[data-drawn]")
        dark = colours(opened)
        opened.page.emulate_media(color_scheme="light")
        opened.page.wait_for_selector("html[data-drawn='4']")
        light = colours(opened)

    blank, on_paper, width = printed
    assert (blank, width < WIDTH_OF_PAPER) == ([], True)
    assert {**on_paper, "page": ""} == {**light, "page": ""} != {**dark, "page": ""}


@pytest.mark.slow
def test_the_policy_of_the_page_lets_no_other_script_run(browser: Browser, tmp_path: Path) -> None:
    text = page(a_material(1), plotly=get_plotlyjs()).replace("</body>", "<script>window.stolen = 1</script></body>")
    place = tmp_path / "s.html"
    place.write_text(text)

    with visit(browser, place.as_uri()) as opened:
        opened.page.wait_for_selector("html[data-drawn]")

        assert opened.page.evaluate("window.stolen") is None
        assert any("Content Security Policy" in error for error in opened.errors)


def blank_charts(opened: Visit) -> list[str]:
    """Return the charts of a page in which nothing is drawn."""
    return list(opened.page.evaluate(BLANK_CHARTS))


def hovered(opened: Visit, key: str, trace: int) -> str:
    """Return what is shown while the pointer is on the first point of a trace."""
    script = """([key, trace]) => {
        Plotly.Fx.hover('plot-' + key, [{ curveNumber: trace, pointNumber: 0 }]);
        return document.querySelector(`#plot-${key} .hoverlayer .hovertext`).textContent;
    }"""
    return str(opened.page.evaluate(script, [key, trace]))


def colours(opened: Visit) -> dict[str, str]:
    return dict(opened.page.evaluate(COLOURS))


def painted(value: Any) -> Any:
    """Return a figure with a colour in the place of each name of the palette, as the page's script does."""
    if isinstance(value, dict):
        return {key: painted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [painted(item) for item in value]
    return "#123456" if isinstance(value, str) and value.startswith("@") else value
