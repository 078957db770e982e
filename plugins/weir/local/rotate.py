"""Rotate the certificates and passwords of a secure stack while it runs.

Open connections stay. A client that connects anew reads the files; a driver whose client still has the old password ends as in an outage,
and continues from its checkpoint.
"""

from __future__ import annotations

import secrets as random
from collections.abc import Callable, Iterable, Mapping

from weir.errors import BadInput
from weir.local import cassandra_access, certs, kafka, secrets
from weir.local.part import Stack

SetPassword = Callable[[Stack, str, str], None]
# By the begin of a user's name, and by part. Cassandra looks for a new certificate every ten minutes, PostgreSQL when it starts.
PASSWORDS: Mapping[str, SetPassword] = {"kafka": kafka.set_password, "cassandra": cassandra_access.set_password}
RELOADS: Mapping[str, Callable[[Stack], None]] = {"kafka": kafka.reload_certificates}


def certificates(stack: Stack, parts: Iterable[str] = certs.NAMES) -> list[str]:
    """Issue new certificates from the newest authority, and let the running servers use them. Return the names. Raises WeirError."""
    _only_secure(stack)
    renewed = list(parts)
    for name in renewed:
        certs.renew(stack.home, name)
    for name in renewed:
        if name in RELOADS:
            RELOADS[name](stack)
    return renewed


def authority(stack: Stack, drop_old: bool = False) -> None:
    """Create an authority that signs from now on, and trust both; with `drop_old`, trust the newest alone. Raises WeirError."""
    _only_secure(stack)
    if drop_old:
        certs.drop_old_authorities(stack.home)
    else:
        certs.add_authority(stack.home)
    for reload in RELOADS.values():
        reload(stack)


def passwords(stack: Stack, users: Iterable[str] = secrets.USERS) -> list[str]:
    """Give each user of the servers a new password. Return the users. Raises WeirError.

    The server comes first: if this is interrupted in between, the next `weir up` sets the passwords of the files.
    """
    _only_secure(stack)
    changed = []
    for user in users:
        if user == cassandra_access.ADMIN:  # who sets the others' anew: without its password nobody could
            continue
        change = PASSWORDS[user.partition("_")[0]]
        password = random.token_urlsafe(24)
        change(stack, user, password)
        secrets.replace(stack.home, user, password)
        changed.append(user)
    return changed


def _only_secure(stack: Stack) -> None:
    if not stack.secure:
        raise BadInput(f"The stack in {stack.home} has no certificates and passwords.", "Make a secure one: WEIR_SECURE=1 weir up")
