"""GET /docs and /redoc: the API's description to look at and try out, without a request to any other host."""

from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.openapi.docs import get_redoc_html, get_swagger_ui_html
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, HTMLResponse

ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
}
"""What the pages need, by name; the files come from the package fastapi-offline."""

# Whatever a bundle would like to fetch from elsewhere (Redoc: its maker's logo), the browser is told not to.
_HEADERS = {
    "content-security-policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; worker-src 'self' blob:"
    )
}
_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http%3A%2F%2Fwww.w3.org%2F2000%2Fsvg' viewBox='0 0 16 16'%3E%3Cpath "
    "fill='%230b7bc1' d='M8 1 14 4.5v7L8 15 2 11.5v-7z'/%3E%3C/svg%3E"
)
_DAY = "public, max-age=86400"


def docs_routes(title: str) -> APIRouter:
    """The routes. All addresses in the pages are relative: they work behind a proxy that adds a prefix."""
    router = APIRouter(include_in_schema=False)
    folder = _assets()

    @router.get("/docs")
    async def docs() -> HTMLResponse:
        page = get_swagger_ui_html(
            openapi_url="openapi.json",
            title=title,
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url=_ICON,
        )
        page.headers.update(_HEADERS)
        return page

    @router.get("/redoc")
    async def redoc() -> HTMLResponse:
        page = get_redoc_html(
            openapi_url="openapi.json",
            title=title,
            redoc_js_url="docs/assets/redoc.standalone.js",
            redoc_favicon_url=_ICON,
            with_google_fonts=False,
        )
        page.headers.update(_HEADERS)
        return page

    @router.get("/docs/assets/{name}")
    async def asset(name: str) -> FileResponse:
        if name not in ASSETS:
            raise HTTPException(HTTPStatus.NOT_FOUND, f"There is no asset {name!r}.")
        return FileResponse(folder / name, media_type=ASSETS[name], headers={"cache-control": _DAY})

    return router


def _assets() -> Path:
    """Where the files lie; found without importing the package, which would import FastAPI's parts a second way."""
    spec = find_spec("fastapi_offline")
    if spec is None or spec.origin is None:  # pragma: no cover  (a dependency: pip brings it)
        raise ModuleNotFoundError("fastapi-offline is not installed: pip install fastapi-offline")
    return Path(spec.origin).parent / "static"
