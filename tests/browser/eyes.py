"""What a person does with a page, and what is held against each: it fits the screen, axe finds nothing, and no script of others runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SHOTS = Path(__file__).parent / "shots"  # kept to be looked at, not by git
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDE = """[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('svg'))
    .map(e => e.outerHTML.slice(0, 120))"""
FOCUSED = "(document.activeElement.labels?.[0]?.innerText || document.activeElement.innerText || '').trim()"
OUTLINED = "getComputedStyle(document.activeElement).outlineStyle !== 'none'"
MOST_TABS = 200


class Eyes:
    """A page of the browser. `heard` is what a page must not do: dialogs, errors of the console, requests to elsewhere."""

    def __init__(self, page: Any, look: str) -> None:
        self.page, self.look, self.heard = page, look, list[str]()
        page.on("dialog", lambda dialog: (self.heard.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.heard.append(f"error: {error}"))
        page.on("console", lambda said: said.type == "error" and self._console(said))
        page.on("request", self._request)

    def _console(self, said: Any) -> None:
        if "favicon" not in said.location.get("url", ""):  # which a browser asks for by itself
            self.heard.append(f"console: {said.text}")

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.heard.append(f"request: {request.url}")

    def open(self, path: str) -> None:
        answer = self.page.goto(f"/weir/{path}")
        assert answer.ok, answer.status

    def follow(self, name: str, exact: bool = True) -> None:
        """Click a link of this name, the first one."""
        self.page.get_by_role("link", name=name, exact=exact).first.click()

    def fill(self, **fields: str) -> None:
        """Fill in the fields of a form by their names, and send it."""
        for name, value in fields.items():
            self.page.locator(f"[name={name.rstrip('_')}]").fill(value)
        self.page.locator("form[method=post] button").click()

    def tab_to(self, name: str) -> None:
        """Press Tab until what is called so has the focus, and can be seen to have it."""
        for _ in range(MOST_TABS):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(FOCUSED).startswith(name):
                assert self.page.evaluate(OUTLINED), f"{name} does not show that it has the focus"
                return
        raise AssertionError(f"{name} cannot be reached by Tab")

    def press(self, name: str) -> None:
        self.tab_to(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def sees(self, *texts: str) -> None:
        """Wait for each text, as it is shown."""
        for text in texts:
            self.page.get_by_text(text).first.wait_for()

    def keep(self, name: str) -> None:
        """Hold against the page what every page must be, and keep a picture of it."""
        from axe_playwright_python.sync_playwright import Axe

        SHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}-{self.look}.png", full_page=True)
        assert self.page.evaluate(OVERFLOW) <= 0, f"{name} scrolls sideways: {self.page.evaluate(WIDE)}"
        found = Axe().run(self.page).response["violations"]
        bad = [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
        assert bad == [], f"{name}: axe finds {bad}"
