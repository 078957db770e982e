package weir.counting;

import java.util.List;

/** The common levels by number, as spark_jobs/formats/spec/levels.py orders them. */
final class Levels {
    static final int ERRORS = 4; // the first so many have a signature
    static final List<String> NAMES = List.of(
            "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
            "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8");
    private static final long[] CODES = NAMES.stream().mapToLong(Levels::code).toArray();

    private Levels() {}

    /** The level of one of httpd's own names, in any case; -1 for any other text. */
    static int httpd(byte[] a, int from, int to) {
        if (to - from < 4 || to - from > 6) return -1;
        long code = 0;
        for (int i = from; i < to; i++) {
            int c = a[i];
            code = code << 8 | (c >= 'A' && c <= 'Z' ? c + 32 : c & 255);
        }
        for (int i = 0; i < CODES.length; i++) if (CODES[i] == code && NAMES.get(i).length() == to - from) return i;
        return -1;
    }

    private static long code(String name) {
        long code = 0;
        for (int i = 0; i < name.length(); i++) code = code << 8 | name.charAt(i);
        return code;
    }
}
