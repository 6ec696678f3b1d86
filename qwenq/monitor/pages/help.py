"""The page of help, and the page for addresses that name nothing."""

from http import HTTPStatus

from tornado.web import HTTPError

from qwenq.monitor.pages.page import Page


class HelpPage(Page):
    """GET /help."""

    async def get(self) -> None:
        """Show what the pages and their words mean. It reads no store: it helps while that is away, too."""
        self.show("help", version=self.application.version)


class UnknownPage(Page):
    """Any GET of an address without a page."""

    async def get(self) -> None:
        """Raise HTTPError 404."""
        raise HTTPError(HTTPStatus.NOT_FOUND, f"There is no page at {self.request.path}.")
