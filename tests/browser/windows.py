"""Windows of the browser in which nothing goes unnoticed that a page says to the console."""

from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Error, Page

REFUSED = "Failed to load resource: the server responded with a status of {} "


@dataclass
class Window:
    """A page, and what its console said since the last `listen`."""

    page: Page
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)

    def listen(self) -> None:
        self.said.clear()

    def complaints(self, *, refusals: tuple[int, ...] = ()) -> list[str]:
        """Return what was said, but for the browser's own word that the server refused something as it should."""
        expected = tuple(REFUSED.format(status) for status in refusals)
        return [text for text in self.said if not (expected and text.startswith(expected))]

    def _on_console(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.said.append(str(error))
