package peers;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Apache httpd's error line, read by position and without an allocation:
 *
 * <pre>
 * [Fri Dec 20 01:46:23 2015] [error] [client 1.2.3.4] ...
 * [Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] ...
 * </pre>
 */
final class ErrorLine {
    static final long MALFORMED = -1;

    /** The levels, the frequent ones first. */
    static final List<String> LEVELS = List.of(
            "error", "notice", "warn", "info", "debug", "crit", "alert", "emerg",
            "trace1", "trace2", "trace3", "trace4", "trace5", "trace6", "trace7", "trace8");

    private static final long[] PACKED = LEVELS.stream().mapToLong(ErrorLine::packed).toArray();
    private static final int[] DAYS = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    private static final VarHandle EIGHT = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.nativeOrder());
    private static final long HIGH_BITS = 0x8080808080808080L;
    private static final int LONGEST_FRACTION = 9;

    private ErrorLine() {}

    /** Return the time and the level of a line in one number, for {@link #ms} and {@link #level}, or MALFORMED. */
    static long parse(byte[] line) {
        if (line.length < 30 || !head(line)) {
            return MALFORMED;
        }
        int end = line[20] == '.' ? fractionEnds(line) : 20; // where the blank before the year is
        if (end < 0 || line.length < end + 9 || line[end] != ' ' || line[end + 5] != ']' || line[end + 6] != ' ' || line[end + 7] != '[') {
            return MALFORMED;
        }
        long seconds = seconds(line, end);
        int level = levelAt(line, end + 8);
        if (seconds == MALFORMED || level < 0 || !isUtf8(line)) {
            return MALFORMED;
        }
        return (1000 * seconds + (end == 20 ? 0 : fractionMs(line, end))) << 4 | level;
    }

    /** Return the time of a parsed line in ms; less than zero if it is malformed (or of a time before 1970). */
    static long ms(long parsed) {
        return parsed >> 4;
    }

    /** Return the level of a parsed line, as its number in LEVELS. */
    static int level(long parsed) {
        return (int) parsed & 15;
    }

    private static boolean head(byte[] line) {
        return line[0] == '[' && line[4] == ' ' && line[8] == ' ' && line[11] == ' ' && line[14] == ':' && line[17] == ':';
    }

    private static int fractionEnds(byte[] line) {
        int at = 21;
        while (at < 22 + LONGEST_FRACTION && line[at] >= '0' && line[at] <= '9' && at + 1 < line.length) {
            at++;
        }
        return at > 21 && at <= 21 + LONGEST_FRACTION ? at : -1;
    }

    private static int fractionMs(byte[] line, int end) {
        int ms = 0;
        for (int at = 21; at < 24; at++) {
            ms = 10 * ms + (at < end ? line[at] - '0' : 0);
        }
        return ms;
    }

    private static long seconds(byte[] line, int end) {
        int year = number(line, end + 1, 4);
        int month = month(line[5] << 16 | line[6] << 8 | line[7]);
        int day = line[9] == ' ' ? number(line, 10, 1) : number(line, 9, 2);
        int hour = number(line, 12, 2);
        int minute = number(line, 15, 2);
        int second = number(line, 18, 2);
        boolean leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        if (year < 1 || month < 1 || day < 1 || day > DAYS[month - 1] || month == 2 && day == 29 && !leap
                || (hour | minute | second) < 0 || hour > 23 || minute > 59 || second > 59) {
            return MALFORMED;
        }
        return 86_400L * daysSince1970(year, month, day) + 3600 * hour + 60 * minute + second;
    }

    /** The civil calendar as one count of days, with years that begin in March. */
    private static long daysSince1970(int year, int month, int day) {
        int y = month > 2 ? year : year - 1;
        int ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
        return 365L * y + y / 4 - y / 100 + y / 400 + ofYear - 719_468;
    }

    /** Return a number of decimal digits, less than zero if one of them is none. */
    private static int number(byte[] line, int at, int digits) {
        int value = 0;
        for (int n = at; n < at + digits; n++) {
            int digit = line[n] - '0';
            if (digit < 0 || digit > 9) {
                return -1;
            }
            value = 10 * value + digit;
        }
        return value;
    }

    private static int month(int name) {
        return switch (name) {
            case 'J' << 16 | 'a' << 8 | 'n' -> 1;
            case 'F' << 16 | 'e' << 8 | 'b' -> 2;
            case 'M' << 16 | 'a' << 8 | 'r' -> 3;
            case 'A' << 16 | 'p' << 8 | 'r' -> 4;
            case 'M' << 16 | 'a' << 8 | 'y' -> 5;
            case 'J' << 16 | 'u' << 8 | 'n' -> 6;
            case 'J' << 16 | 'u' << 8 | 'l' -> 7;
            case 'A' << 16 | 'u' << 8 | 'g' -> 8;
            case 'S' << 16 | 'e' << 8 | 'p' -> 9;
            case 'O' << 16 | 'c' << 8 | 't' -> 10;
            case 'N' << 16 | 'o' << 8 | 'v' -> 11;
            case 'D' << 16 | 'e' << 8 | 'c' -> 12;
            default -> -1;
        };
    }

    /** Return the number of the level after an optional module and colon, or -1. */
    private static int levelAt(byte[] line, int from) {
        int begin = from;
        int end = from;
        while (end < line.length && line[end] != ']') {
            if (line[end++] == ':') {
                begin = end;
            }
        }
        if (end == line.length || end == begin || end - begin > 6) {
            return -1;
        }
        long name = packed(line, begin, end);
        for (int n = 0; n < PACKED.length; n++) {
            if (PACKED[n] == name) {
                return n;
            }
        }
        return -1;
    }

    private static long packed(String name) {
        return packed(name.getBytes(StandardCharsets.US_ASCII), 0, name.length());
    }

    /** Return up to eight bytes in lower case as one number. */
    private static long packed(byte[] name, int begin, int end) {
        long packed = 0;
        for (int at = begin; at < end; at++) {
            int letter = name[at];
            packed = packed << 8 | (letter >= 'A' && letter <= 'Z' ? letter + 32 : letter) & 0xff;
        }
        return packed;
    }

    private static boolean isUtf8(byte[] line) {
        long bits = 0;
        int at = 0;
        for (; at + 8 <= line.length; at += 8) {
            bits |= (long) EIGHT.get(line, at);
        }
        for (; at < line.length; at++) {
            bits |= line[at];
        }
        return (bits & HIGH_BITS) == 0 || decodes(line);
    }

    private static boolean decodes(byte[] line) {
        try {
            StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line));
            return true;
        } catch (CharacterCodingException malformed) {
            return false;
        }
    }
}
