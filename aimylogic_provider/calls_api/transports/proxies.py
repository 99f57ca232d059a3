"""What the environment says of the way to a server: proxies, and authorities. The same for both transports.

By the rules of ``requests``, of which Airflow's other hooks are made; but never ``~/.netrc``, for the token is the only
credential, and no proxy to this machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import urlsplit

from aimylogic_provider.calls_api.address import is_loopback
from aimylogic_provider.calls_api.errors import ConnectionRejectedError

__all__ = ["authorities", "no_authorities", "proxy_for"]


def proxy_for(url: str, proxies: Mapping[str, str]) -> str | None:
    """Return the proxy by which *url* is asked, or None.

    To this machine none that the environment names: what is plain http there would leave it, token and all.

    :param proxies: of the settings, URL by scheme; where they name none, the environment does (``HTTPS_PROXY``,
        ``HTTP_PROXY``, ``ALL_PROXY``, ``NO_PROXY``)
    """
    from requests.utils import get_environ_proxies, select_proxy

    if proxies:
        return select_proxy(url, dict(proxies))
    if is_loopback(urlsplit(url).hostname or ""):
        return None
    return select_proxy(url, get_environ_proxies(url))


def authorities(verify: bool | str) -> bool | str:
    """Return the path of the certificates that a server's is checked against, or False.

    :param verify: of the settings; for True, the environment names them (``REQUESTS_CA_BUNDLE``, ``CURL_CA_BUNDLE``),
        or they are those that ``requests`` brings
    :raises ConnectionRejectedError: if nothing is there: a request would else seem to have found no server
    """
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    if verify is False:
        return False
    path = verify
    if path is True:
        path = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    if not os.path.exists(path):
        raise no_authorities(path)
    return path


def no_authorities(path: str) -> ConnectionRejectedError:
    """The error for a path that no certificates can be read from."""
    return ConnectionRejectedError(
        f"the authorities' certificates can't be read from {path!r}: correct verify in the connection's extra, or "
        "REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE in the environment of the workers"
    )
