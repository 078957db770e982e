"""Which lines continue the line before them: stack traces and the like. Data that the job and the recount share; see docs/formats.md.

A line is judged by itself, since a file is spread over partitions, where the line before it may be anywhere.
"""

from __future__ import annotations

CONTINUATION = "continuation"  # the reason of such lines, in the ledger's reasons: they are neither counted nor rejected

# A line that begins with one of these, and is not of its format, is a continuation. So is one that begins with a blank or a tab.
OPENINGS = (
    "at ",  # a frame, without its indentation
    "Caused by:",
    "Suppressed:",
    "... ",  # 12 more
    "Exception in thread ",
    "Traceback (most recent call last):",
    "During handling of the above exception",
    "The above exception was the direct cause",
    "Stack trace:",
    "PHP Stack trace:",
    "thrown in ",
    "Next ",  # PHP's chained exceptions
    "stack backtrace:",
    "goroutine ",
    "created by ",
    "--- ",
)
# `java.lang.IllegalStateException: boom`, `ValueError`: a name of these endings up to a colon or the end of the line.
EXCEPTIONS = ("Error", "Exception", "Warning", "Interrupt", "Throwable", "Exit", "Iteration")
LONGEST_EXCEPTION = 256  # characters of such a name
BRACKETS = "()[]{},;"  # a line of at most LONGEST_BRACKETS of these, and nothing else
LONGEST_BRACKETS = 8
