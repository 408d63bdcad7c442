"""Reports in Chromium: quiet, alone, accessible, as wide as a phone, by mouse and by keyboard."""

import base64
import json
import os
import shutil
import time
from importlib.resources import files

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from stored_results import command, make_results

from bittrue.model.design import Design

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.needs("chromium", "chromedriver"),
]

PAGES = {
    "all": (*("verify", "whole", "prove", "quantize", "study", "sweep", "synth"), "estimate"),
    "fail": ("fail",),
    "study": ("study",),
}
SIZES = {375: 812, 1280: 900}
WIDTH = "return document.documentElement.scrollWidth"
SMALLEST = 11.0
"""Size of the smallest text, in pixels."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with results and the pages of them."""
    made, before = tmp_path_factory.mktemp("pages"), os.getcwd()
    os.chdir(made)
    try:
        make_results(made)
        for page, names in PAGES.items():
            code, _ = command("report", *(f"{name}.json" for name in names), "-o", f"{page}.html")
            assert code in (0, 1)
    finally:
        os.chdir(before)
    return made


@pytest.fixture(scope="module")
def browser(folder):
    """Return Chromium, which keeps what it logs and puts downloads into the folder."""
    options = Options()
    options.binary_location = shutil.which("chromium")
    for flag in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = Service(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    behaviour = {"behavior": "allow", "downloadPath": str(folder / "taken")}
    driver.execute_cdp_cmd("Browser.setDownloadBehavior", behaviour)
    yield driver
    driver.quit()


def opened(browser, folder, page, width=1280, scheme="light", media=""):
    size = {"width": width, "height": SIZES[width], "deviceScaleFactor": 1, "mobile": width < 500}
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get((folder / f"{page}.html").as_uri())
    time.sleep(0.3)


def requests(browser):
    """Return the addresses that were asked for, and why some of them were not got."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    failed = [e["params"] for e in events if e["method"] == "Network.loadingFailed"]
    return [one["request"]["url"] for one in sent], [one.get("blockedReason") for one in failed]


def faults(browser):
    """Return what axe-core finds wrong, by impact."""
    script = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    browser.execute_cdp_cmd("Runtime.evaluate", {"expression": f"{script};0"})
    found = browser.execute_async_script(
        "const end = arguments[0]; axe.run().then((all) => end(all.violations.map("
        "(one) => [one.impact, one.id, one.nodes[0].html])), (error) => end([['', `${error}`]]))"
    )
    return [fault for fault in found if fault[0] not in ("minor", "moderate")]


SEEN = [(p, w, s) for p in PAGES for w in SIZES for s in ("light", "dark")]


@pytest.mark.parametrize(("page", "width", "scheme"), SEEN)
def test_quiet_alone_accessible_and_no_wider_than_the_screen(browser, folder, page, width, scheme):
    opened(browser, folder, page, width, scheme)
    assert browser.get_log("browser") == []
    assert requests(browser) == ([(folder / f"{page}.html").as_uri()], [])
    assert browser.execute_script(WIDTH) <= width
    dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (dark == "rgb(255, 255, 255)") == (scheme == "light")
    assert faults(browser) == []
    browser.execute_script("document.querySelectorAll('details').forEach((d) => { d.open = true })")
    assert faults(browser) == []
    assert browser.execute_script(WIDTH) <= width
    assert browser.get_log("browser") == []


@pytest.mark.parametrize("page", PAGES)
def test_text_can_be_read_on_a_phone(browser, folder, page):
    """No text is drawn smaller than it should be, however drawings are scaled."""
    opened(browser, folder, page, 375)
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('svg text, p, td, th, dt, dd, a, figcaption')].map("
        "(text) => parseFloat(getComputedStyle(text).fontSize) *"
        "(text.ownerSVGElement ? text.getScreenCTM().a : 1))"
    )
    assert len(sizes) > 40
    assert min(sizes) >= SMALLEST * 0.97


def test_a_fault_would_be_found(browser, folder):
    opened(browser, folder, "fail")
    browser.execute_script(
        "document.querySelector('main').insertAdjacentHTML('beforeend',"
        "'<button></button><input type=text>')"
    )
    assert {fault[1] for fault in faults(browser)} >= {"button-name", "label"}


def test_a_foreign_script_does_not_run(browser, folder):
    """The policy of the page stops what is not its own, and what would load."""
    opened(browser, folder, "fail")
    browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'window.ran = 1';"
        "document.body.append(script);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=http://localhost:9/x.png>')"
    )
    time.sleep(0.3)
    assert browser.execute_script("return window.ran === undefined")
    assert requests(browser)[1] == ["csp"]
    assert len(browser.get_log("browser")) == 2


def selected(browser):
    shown = browser.find_elements(By.CSS_SELECTOR, ".option:not([hidden]) h4")
    assert len(shown) == 1
    on = browser.find_elements(By.CSS_SELECTOR, "tr.on")
    (radio,) = browser.find_elements(By.CSS_SELECTOR, ".front input:checked")
    assert [row.get_attribute("data-row") for row in on] == [radio.get_attribute("value")]
    marks = browser.find_elements(By.CSS_SELECTOR, "svg .front.on")
    assert {f"at{radio.get_attribute('value')}" in m.get_attribute("class") for m in marks} == {
        True
    }
    return int(radio.get_attribute("value")), shown[0].text


@pytest.mark.parametrize("width", SIZES)
def test_a_design_is_selected_and_taken(browser, folder, width):
    """By a click on the front, by keys in the table; its file is the design's."""
    opened(browser, folder, "all", width)
    tree = json.loads((folder / "sweep.json").read_text())
    first, name = selected(browser)
    assert tree["front"][first]["key"] == tree["chosen"]["key"]
    other = (first + 1) % len(tree["front"])
    mark = browser.find_element(By.CSS_SELECTOR, f"svg .front.at{other}")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", mark)
    mark.click()
    at, name = selected(browser)
    assert name == f"Design {tree['front'][at]['design'][:12]}"
    assert at != first
    radio = browser.find_element(By.CSS_SELECTOR, ".front input:checked")
    radio.send_keys(Keys.ARROW_DOWN)
    below, _ = selected(browser)
    assert below == (at + 1) % len(tree["front"])
    digest = tree["front"][below]["design"]
    take = browser.find_element(By.CSS_SELECTOR, ".option:not([hidden]) button.take")
    take.send_keys(Keys.ENTER)
    taken = folder / "taken" / f"{digest[:12]}.json"
    end = time.monotonic() + 20
    while not taken.exists() and time.monotonic() < end:
        time.sleep(0.1)
    assert Design.load(taken).digest == digest
    shutil.rmtree(folder / "taken")
    assert browser.get_log("browser") == []


def test_the_whole_page_by_keyboard(browser, folder):
    """Tab reaches links, buttons, what scrolls and the designs; the theme changes by a key."""
    opened(browser, folder, "all")
    reached = set()
    for _ in range(400):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        active = browser.switch_to.active_element
        reached.add(active.tag_name)
        if {"a", "button", "summary", "div", "input"} <= reached:
            break
    assert {"a", "button", "summary", "div", "input"} <= reached
    button = browser.find_element(By.ID, "theme")
    seen = []
    for _ in range(3):
        button.send_keys(Keys.ENTER)
        seen.append(
            browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        )
    assert seen[0] == seen[2] == "rgb(255, 255, 255)" != seen[1]


def test_the_divergence_is_in_view(browser, folder):
    opened(browser, folder, "fail", 375)
    ends = browser.execute_script(
        "const here = document.querySelector('.here').getBoundingClientRect();"
        "return [here.left, here.right, innerWidth]"
    )
    assert 0 <= ends[0] < ends[1] <= ends[2]


def test_on_paper(browser, folder):
    """A printed page is light, has no buttons and is no wider than the paper."""
    opened(browser, folder, "all", 1280, "dark", media="print")
    shown = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert shown == "rgb(255, 255, 255)"
    assert browser.execute_script(
        "return [...document.querySelectorAll('button')].every((b) => b.offsetParent === null)"
    )
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})["data"]
    assert base64.b64decode(printed).startswith(b"%PDF")
    assert browser.get_log("browser") == []
