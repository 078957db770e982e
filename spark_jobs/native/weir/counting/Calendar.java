package weir.counting;

import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** Local times of a zone as ms since 1970. A time that occurs twice is the first of the two; one in a gap is moved forward by its length. */
final class Calendar {
    static final long NONE = Line.NO_TIME;
    private static final int[] DAYS = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    private final ZoneId zone;
    private final boolean utc;

    Calendar(String name) {
        zone = ZoneId.of(name, ZoneId.SHORT_IDS);
        utc = name.equals("UTC");
    }

    /** NONE if the calendar has no such time: no February 30, no 24:00:00, no leap second, no year 0. */
    long local(int year, int month, int day, int hour, int minute, int second) {
        long ms = utc(year, month, day, hour, minute, second);
        if (ms == NONE || utc) return ms;
        return LocalDateTime.ofEpochSecond(ms / 1000, 0, ZoneOffset.UTC).atZone(zone).toEpochSecond() * 1000;
    }

    static long utc(int year, int month, int day, int hour, int minute, int second) {
        if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59) return NONE;
        if (second < 0 || second > 59 || day > DAYS[month - 1] && !(month == 2 && day == 29 && leap(year))) return NONE;
        return (LocalDate.of(year, month, day).toEpochDay() * 86_400L + hour * 3600 + minute * 60 + second) * 1000;
    }

    private static boolean leap(int year) {
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    }
}
