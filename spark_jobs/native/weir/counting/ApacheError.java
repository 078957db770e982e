package weir.counting;

/**
 * Apache httpd's error log, by position. spark_jobs/formats/apache_error.py says what it accepts.
 *
 * <pre>
 * [Fri Dec 20 01:46:23 2015] [error] [client 1.2.3.4] Directory index forbidden by rule: /home/raj/
 * [Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187] File does not exist: /x
 * </pre>
 */
final class ApacheError implements Format {
    private static final int SHORT = 25, MICROS = 32; // where the bracket after the time is, without a fraction and with one of six digits
    private static final int FIRST = 20, LAST = 38; // where it is looked for otherwise, from where and up to where
    private static final int LEVEL_BYTES = 64; // of module, colon and level
    private static final byte[] PID = " [pid ".getBytes(), CLIENT = " [client ".getBytes();
    private static final int[] MONTHS = new int[12];

    static {
        String names = "JanFebMarAprMayJunJulAugSepOctNovDec";
        for (int i = 0; i < 12; i++) MONTHS[i] = names.charAt(3 * i) << 16 | names.charAt(3 * i + 1) << 8 | names.charAt(3 * i + 2);
    }

    private final Calendar calendar;
    private long head0, head1, seconds; // many lines in a row have the same second
    private int year;
    private boolean known;

    ApacheError(Calendar calendar) {
        this.calendar = calendar;
    }

    @Override
    public boolean read(byte[] a, int from, int to, boolean ascii, long append, Line line) {
        int end = endOfTime(a, from, to);
        if (end < 0 || !fits(a, from, end)) return false;
        int name = from + end + 3, close = name, stop = Math.min(to, name + LEVEL_BYTES);
        for (; close < stop && a[close] != ']'; close++) if (a[close] == ':') name = close + 1;
        if (close >= to || a[close] != ']') return false;
        int level = Levels.httpd(a, name, close);
        if (level < 0) return false;
        line.level = level;
        line.moment = moment(a, from, end);
        line.service = null;
        if (level < Levels.ERRORS) message(a, close + 1, to, line);
        return true;
    }

    /** Counted from the first byte of the line; -1: nowhere. */
    private static int endOfTime(byte[] a, int from, int to) {
        if (brackets(a, from + SHORT, to)) return SHORT;
        if (brackets(a, from + MICROS, to)) return MICROS;
        int last = Math.min(to, from + LAST);
        for (int at = from + FIRST; at + 3 <= last; at++) if (brackets(a, at, last)) return at - from;
        return -1;
    }

    private static boolean brackets(byte[] a, int at, int to) {
        return at + 3 <= to && a[at] == ']' && a[at + 1] == ' ' && a[at + 2] == '[';
    }

    private static boolean fits(byte[] a, int b, int end) {
        if (a[b] != '[' || a[b + 4] != ' ' || a[b + 8] != ' ' || a[b + 11] != ' ' || a[b + 14] != ':' || a[b + 17] != ':') return false;
        return a[b + end - 5] == ' ' && (end == SHORT || a[b + 20] == '.' && end >= 27 && end <= 35);
    }

    private long moment(byte[] a, int b, int end) {
        long ms = toTheSecond(a, b, b + end);
        if (ms == Line.NO_TIME || end == SHORT) return ms;
        int fraction = 0, digits = 0;
        for (int i = b + 21; i < b + end - 5; i++, digits++) {
            int digit = a[i] - '0';
            if (digit < 0 || digit > 9) return Line.NO_TIME;
            if (digits < 3) fraction = 10 * fraction + digit;
        }
        for (; digits < 3; digits++) fraction *= 10;
        return ms + fraction;
    }

    private long toTheSecond(byte[] a, int b, int end) {
        long w0 = (long) Bytes.LONG.get(a, b + 4), w1 = (long) Bytes.LONG.get(a, b + 12);
        int y = (a[end - 4] & 255) << 24 | (a[end - 3] & 255) << 16 | (a[end - 2] & 255) << 8 | a[end - 1] & 255;
        if (known && w0 == head0 && w1 == head1 && y == year) return seconds;
        seconds = parsed(a, b, end);
        head0 = w0;
        head1 = w1;
        year = y;
        known = true;
        return seconds;
    }

    private long parsed(byte[] a, int b, int end) {
        int century = Bytes.two(a, end - 4), years = Bytes.two(a, end - 2), month = 0;
        int name = (a[b + 5] & 255) << 16 | (a[b + 6] & 255) << 8 | a[b + 7] & 255;
        for (int i = 0; i < 12; i++) if (MONTHS[i] == name) month = i + 1;
        int day = a[b + 9] == ' ' ? a[b + 10] - '0' : Bytes.two(a, b + 9);
        if (century < 0 || years < 0 || a[b + 9] == ' ' && day > 9) return Line.NO_TIME;
        return calendar.local(100 * century + years, month, day, Bytes.two(a, b + 12), Bytes.two(a, b + 15), Bytes.two(a, b + 18));
    }

    private static void message(byte[] a, int from, int to, Line line) {
        from = without(a, without(a, from, to, PID), to, CLIENT);
        while (from < to && a[from] == ' ') from++;
        while (to > from && a[to - 1] == ' ') to--;
        line.message = a;
        line.from = from;
        line.to = to;
    }

    /** Behind a leading `[tag ...]`; nothing is left if it is not closed. */
    private static int without(byte[] a, int from, int to, byte[] tag) {
        if (!Bytes.starts(a, from, to, tag)) return from;
        for (int i = from; i < to; i++) if (a[i] == ']') return i + 1;
        return to;
    }
}
