"""Weir's own tokens, for the standalone service: a file with name, role and hash of each token.

A token is 32 random bytes, so a plain hash is enough: it cannot be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from fastapi import Request
from fastapi.security.utils import get_authorization_scheme_param

from weir.api.access import READS_ONLY, Person
from weir.errors import BadInput, NotRunning, NotSignedIn
from weir.files import write_private
from weir.system_errors import read_json

FILE = "tokens.json"
ROLES = ("reader", "editor")
NEXT = "Send Authorization: Bearer TOKEN. Create a token with: weir token NAME"


@dataclass(frozen=True)
class Token:
    name: str
    role: str
    sha256: str


def issue(file: Path, name: str, role: str) -> str:
    """Create a token for a name, replacing an earlier one, and return it. Raises BadInput."""
    if not re.fullmatch(r"[\w.@-]{1,64}", name):
        raise BadInput(f"name: {name!r} is not valid.", "Use at most 64 letters, digits and . @ _ -.")
    if role not in ROLES:
        raise BadInput(f"role: {role!r} is not valid.", f"Choose from {', '.join(ROLES)}.")
    token = secrets.token_urlsafe(32)
    _write(file, [*(t for t in load(file) if t.name != name), Token(name, role, _hash(token))])
    return token


def revoke(file: Path, name: str) -> bool:
    """Revoke the token of a name. Return False if there was none."""
    found = load(file)
    left = [token for token in found if token.name != name]
    if len(left) < len(found):
        _write(file, left)
    return len(left) < len(found)


def load(file: Path) -> list[Token]:
    """Return the tokens in a file, none if it does not exist. Raises BadInput if it is not a file of tokens."""
    found = read_json(file)
    try:
        return [Token(**values) for values in found["tokens"]] if file.exists() else []
    except (KeyError, TypeError) as error:
        raise BadInput(f"tokens: {file} cannot be read: {error}.", "Move it away, then create new tokens with: weir token NAME") from error


class StaticTokens:
    """Authenticates by a file, which it reads again when it changes: a revoked token is refused at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: tuple[int, list[Token]] = (0, [])

    async def __call__(self, request: Request) -> Person:
        scheme, token = get_authorization_scheme_param(request.headers.get("Authorization"))
        hashed = _hash(token)
        fitting = [known for known in self._tokens() if hmac.compare_digest(known.sha256, hashed)]  # all are compared, in constant time
        if scheme.lower() != "bearer" or not fitting:
            raise NotSignedIn("The token is missing or unknown.", NEXT)
        return Person(fitting[0].name, "" if fitting[0].role == "editor" else READS_ONLY)

    def check(self) -> None:
        """Raise NotRunning if no request can be accepted: there is no token, or the file cannot be read."""
        if not self._tokens():
            raise NotRunning(f"{self._file} has no tokens, so every request is refused.", NEXT)

    def _tokens(self) -> list[Token]:
        stamp = self._file.stat().st_mtime_ns if self._file.exists() else 0
        if stamp != self._known[0]:
            try:
                self._known = stamp, load(self._file)
            except BadInput as error:
                raise NotRunning(error.what, error.next_step) from error
        return self._known[1] if stamp else []


def _write(file: Path, tokens: list[Token]) -> None:
    write_private(file, json.dumps({"tokens": [asdict(token) for token in tokens]}, indent=1) + "\n")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
