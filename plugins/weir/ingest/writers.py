"""Ask the kernel whether somebody has a file open for writing."""

from __future__ import annotations

import fcntl
import signal
import threading


def has_writer(handle: int) -> bool | None:
    """Return whether a file that is open for reading is open for writing somewhere. None if that cannot be known.

    The kernel grants a read lease only on a file that nobody writes. It is asked for by the owner of the file or root, on Linux, and not on
    a network file system. The lease is given back at once; a writer who opens the file in between waits for that, and the
    kernel sends SIGIO, which would end this process.
    """
    lease = getattr(fcntl, "F_SETLEASE", None)
    if lease is None or not _ignores_sigio():
        return None
    try:
        fcntl.fcntl(handle, lease, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return None
    fcntl.fcntl(handle, lease, fcntl.F_UNLCK)
    return False


def _ignores_sigio() -> bool:
    """Ignore SIGIO, which only the main thread can arrange."""
    if signal.getsignal(signal.SIGIO) is signal.SIG_DFL and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGIO, signal.SIG_IGN)
    return signal.getsignal(signal.SIGIO) is not signal.SIG_DFL
