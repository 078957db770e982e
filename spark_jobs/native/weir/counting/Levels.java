package weir.counting;

import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** The common levels by number, as spark_jobs/formats/spec/levels.py orders them. */
final class Levels {
    static final int ERRORS = 4; // the first so many have a signature
    static final List<String> NAMES = List.of(
            "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
            "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8");
    private static final long[] CODES = NAMES.stream().mapToLong(Levels::code).toArray();
    private static final long LETTER = 0x4040404040404040L; // a letter has this bit, and a digit has not; case is the next lower bit
    private static final long[] SAME = LongStream.of(CODES).map(code -> ~((code & LETTER) >>> 1)).toArray(); // bits that case does not change
    private static final int[][] OF_LENGTH = IntStream.range(0, 7)
            .mapToObj(bytes -> IntStream.range(0, CODES.length).filter(level -> NAMES.get(level).length() == bytes).toArray())
            .toArray(int[][]::new);

    private Levels() {}

    /** The level of one of httpd's own names, in any case; -1 for any other text. */
    static int httpd(byte[] a, int from, int to) {
        if (to - from >= OF_LENGTH.length) return -1;
        long code = 0;
        for (int i = from; i < to; i++) code = code << 8 | a[i] & 255;
        for (int level : OF_LENGTH[to - from]) if (((code ^ CODES[level]) & SAME[level]) == 0) return level;
        return -1;
    }

    private static long code(String name) {
        long code = 0;
        for (int i = 0; i < name.length(); i++) code = code << 8 | name.charAt(i);
        return code;
    }
}
