"""Whether an unsafe call by cookie came from our own pages (Fetch Metadata; RFC 6454)."""

from urllib.parse import urlsplit

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def origin_of(url: str) -> str:
    """Scheme, host and port of ``url``, as browsers write an origin: in lower case, without a default port."""
    parts = urlsplit(url.lower())
    default = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return f"{parts.scheme}://{parts.netloc.removesuffix(default)}"


def same_origin(own: str, *, method: str, origin: str | None, sec_fetch_site: str | None) -> bool:
    """Whether the call may count as one from our own pages.

    ``own`` is ``origin_of`` our public URL. A safe method always may. An unsafe one must carry our exact
    ``Origin``, which every browser sends with it, and no ``Sec-Fetch-Site`` that says otherwise.
    """
    if method.upper() in _SAFE:
        return True
    return origin == own and sec_fetch_site in {None, "same-origin"}


def from_elsewhere(own: str, *, method: str, origin: str | None, sec_fetch_site: str | None) -> bool:
    """Whether a browser says that another site sent this unsafe call. A program, which is no browser, says nothing."""
    if method.upper() in _SAFE:
        return False
    return origin not in {None, own} or sec_fetch_site not in {None, "same-origin"}
