"""`weir rotate`: change the certificates and passwords of a secure embedded stack while it runs."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from weir.output import say


class What(StrEnum):
    CERTIFICATES = "certificates"
    PASSWORDS = "passwords"
    AUTHORITY = "authority"


def rotate(
    what: Annotated[What, typer.Argument(metavar="certificates|passwords|authority")],
    drop_old: Annotated[bool, typer.Option("--drop-old", help="With authority: trust the newest one alone.")] = False,
) -> None:
    """Change the certificates or passwords of a secure embedded stack (WEIR_SECURE=1) while it runs. No line is lost.

    A change of authority takes four commands: docs/security.md.

    Example: weir rotate passwords
    """
    from weir.local import folder, rotate
    from weir.settings import home

    stack = folder.load(home())
    if what is What.AUTHORITY:
        rotate.authority(stack, drop_old)
        new = (
            "The new authority signs from now on, and both are trusted. Next: weir restart JOB for each job, then weir rotate certificates"
        )
        return say("Only the newest authority is trusted." if drop_old else new)
    changed = rotate.certificates(stack) if what is What.CERTIFICATES else rotate.passwords(stack)
    say(f"New {what}: {', '.join(changed)}.")
