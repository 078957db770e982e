"""A small client of the API server for the pod runner: JSON in, JSON out, and watches."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

MERGE = "application/strategic-merge-patch+json"
Object = dict[str, Any]
Away = OSError  # no answer; urllib.error.HTTPError, an answer that says no, is one, too


class Client:
    """Acts as the user of a token."""

    def __init__(self, url: str, ca: Path, token: str) -> None:
        self._url, self._token, self._tls = url, token, ssl.create_default_context(cafile=ca)

    def get(self, path: str, **query: str) -> Object:
        return self._json("GET", _with(path, query))

    def post(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._json("POST", path, body)

    def patch(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._json("PATCH", path, body, MERGE)

    def put(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._json("PUT", path, body)

    def delete(self, path: str, body: Mapping[str, Any]) -> Object:
        return self._json("DELETE", path, body)

    def watch(self, path: str, **query: str) -> Iterator[tuple[str, Object]]:
        """Yield what is there and then what changes, as (ADDED, MODIFIED or DELETED, object), until the server ends it. Raises OSError."""
        listed = self.get(path, **query)
        yield from (("ADDED", each) for each in listed["items"])
        query |= {"watch": "1", "resourceVersion": listed["metadata"]["resourceVersion"]}
        with self._open("GET", _with(path, query), timeout=3600) as lines:
            for line in lines:
                event = json.loads(line)
                yield event["type"], event["object"]

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json") -> Object:
        with self._open(method, path, body, kind) as answer:
            found: Object = json.load(answer)
            return found

    def _open(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, kind: str = "application/json", timeout: float = 10
    ) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        return urllib.request.urlopen(request, timeout=timeout, context=self._tls)


def _with(path: str, query: Mapping[str, str]) -> str:
    return f"{path}?{urlencode(query)}" if query else path


def pod_path(pod: Object) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
