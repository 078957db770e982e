package weir.counting;

/** What a format reads of a line. One object is used for line after line. */
final class Line {
    static final int COUNTS = -1; // not a reason: the line is counted
    static final long NO_TIME = Long.MIN_VALUE;

    int level; // the number of a common level
    long moment; // event time, ms since 1970; NO_TIME if it has none that is valid
    byte[] message; // only of errors: from `from` up to `to`
    int from, to;
    byte[] service; // null if the line names none
}
