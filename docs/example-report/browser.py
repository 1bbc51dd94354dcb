"""A headless Chromium through its WebDriver, with the standard library alone: enough to look at one page."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAM, DRIVER = "chromium", "chromedriver"
SWITCHES = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1",
)  # fmt: skip


def available() -> bool:
    return all(shutil.which(name) for name in (PROGRAM, DRIVER))


class Page:
    """One window. `requests` are the addresses asked for, `messages` what the console said."""

    def __init__(self, address: str, profile: str) -> None:
        self._address = address
        wanted = {
            "goog:chromeOptions": {
                "binary": shutil.which(PROGRAM),
                "args": [*SWITCHES, f"--user-data-dir={profile}"],
                "perfLoggingPrefs": {"enableNetwork": True},
            },
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        self._session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._address + path, data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def _here(self, path: str, body: dict[str, Any]) -> Any:
        return self._call("POST", f"/session/{self._session}{path}", body)

    def open(self, path: Path) -> None:
        self.command("Page.navigate", url="about:blank")
        self.messages(), self.requests()  # of the page that a browser starts with
        self._here("/url", {"url": path.absolute().as_uri()})

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of a function returns; it finds its arguments in ``arguments``."""
        return self._here("/execute/sync", {"script": script, "args": list(arguments)})

    def command(self, name: str, **parameters: object) -> Any:
        """One command of the DevTools protocol."""
        return self._here("/goog/cdp/execute", {"cmd": name, "params": parameters})

    def messages(self) -> list[str]:
        return [entry["message"] for entry in self._here("/se/log", {"type": "browser"})]

    def requests(self) -> list[str]:
        entries = (json.loads(entry["message"])["message"] for entry in self._here("/se/log", {"type": "performance"}))
        return [each["params"]["request"]["url"] for each in entries if each["method"] == "Network.requestWillBeSent"]

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def scheme(self, name: str) -> None:
        """ "light" or "dark"."""
        features = [{"name": "prefers-color-scheme", "value": name}]
        self.command("Emulation.setEmulatedMedia", features=features)

    def picture(self, path: Path, width: int = 1400, height: int | None = None) -> None:
        """The page as PNG, all of it where `height` is None."""
        size = {"width": width, "height": height or 900, "deviceScaleFactor": 1, "mobile": False}
        self.command("Emulation.setDeviceMetricsOverride", **size)
        if height is None:
            size["height"] = min(self.run("return document.documentElement.scrollHeight"), 16_000)
            self.command("Emulation.setDeviceMetricsOverride", **size)
        path.write_bytes(base64.b64decode(self.command("Page.captureScreenshot")["data"]))

    def paper(self, path: Path) -> None:
        """The page as it prints, as PDF."""
        done = self.command("Page.printToPDF", preferCSSPageSize=True, printBackground=True)
        path.write_bytes(base64.b64decode(done["data"]))

    def close(self) -> None:
        self._call("DELETE", f"/session/{self._session}")


@contextmanager
def browser() -> Iterator[Page]:
    """A browser with a profile of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(
            [DRIVER, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
        )
        try:
            assert driver.stdout is not None
            line = next(line for line in driver.stdout if "started successfully on port" in line)
            port = line.rpartition("port ")[2].strip(" .\n")
            page = Page(f"http://127.0.0.1:{port}", profile)
            try:
                yield page
            finally:
                page.close()
        finally:
            driver.terminate()
            driver.wait(10)
