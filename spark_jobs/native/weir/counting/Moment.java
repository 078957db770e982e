package weir.counting;

import java.time.Instant;
import java.time.ZoneOffset;

/** The time of a text, of the parts that its expression names. As spark_jobs/formats/moment.py. */
final class Moment {
    private static final long DAY_MS = 86_400_000;
    private static final String MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec";
    private final Calendar calendar;
    private final Texts parts;
    private final boolean epoch, year, shortYear, monthName, month, fraction, offset;

    Moment(Texts parts, Calendar calendar) {
        this.parts = parts;
        this.calendar = calendar;
        epoch = parts.has("epoch");
        year = parts.has("year");
        shortYear = parts.has("shortyear");
        monthName = parts.has("monthname");
        month = parts.has("month");
        fraction = parts.has("fraction");
        offset = parts.has("offset");
    }

    /** Of the text that fitted last; NO_TIME if it has none that is valid. Without a year it depends on the line's arrival, ms. */
    long get(long append) {
        long ms = fraction ? Integer.parseInt((parts.get("fraction") + "000").substring(0, 3)) : 0;
        if (epoch) return Long.parseLong(parts.get("epoch")) * 1000 + ms;
        if (year && !parts.get("year").isEmpty()) return plus(at(number("year"), offset), ms);
        if (shortYear) return plus(at(century(number("shortyear")), offset), ms);
        if (year && !(monthName && month)) return Line.NO_TIME;
        return latest(append, ms);
    }

    private static int century(int two) {
        return two < 69 ? 2000 + two : 1900 + two;
    }

    /** In the latest of the years around a line's arrival in which it is at most a day after that. */
    private long latest(long append, long ms) {
        int now = Instant.ofEpochMilli(append).atZone(ZoneOffset.UTC).getYear();
        for (int at = now + 1; at >= now - 1; at--) {
            long found = plus(at(at, offset), ms);
            if (found != Line.NO_TIME && found <= append + DAY_MS) return found;
        }
        return Line.NO_TIME;
    }

    private static long plus(long moment, long ms) {
        return moment == Line.NO_TIME ? moment : moment + ms;
    }

    private long at(int inYear, boolean withOffset) {
        int inMonth = month() , day = number("day"), hour = number("hour"), minute = number("minute"), second = number("second");
        String said = withOffset ? parts.get("offset") : "";
        if (said.isEmpty()) return calendar.local(inYear, inMonth, day, hour, minute, second);
        long utc = Calendar.utc(inYear, inMonth, day, hour, minute, second);
        if (utc == Line.NO_TIME || said.equals("Z")) return utc;
        int hours = Integer.parseInt(said.substring(1, 3)), minutes = said.length() > 3 ? Integer.parseInt(said.substring(said.length() - 2)) : 0;
        if (hours > 23 || minutes > 59) return Line.NO_TIME;
        long ahead = (hours * 60L + minutes) * 60_000;
        return said.charAt(0) == '-' ? utc + ahead : utc - ahead;
    }

    private int month() {
        String name = monthName ? parts.get("monthname") : "";
        return name.isEmpty() ? number("month") : MONTHS.indexOf(name) / 3 + 1;
    }

    /** Digits, perhaps with a blank in front, as a number. */
    private int number(String part) {
        String text = Texts.trimmed(parts.get(part));
        int found = 0;
        for (int i = 0; i < text.length(); i++) {
            int digit = text.charAt(i) - '0';
            if (digit < 0 || digit > 9) return -1;
            found = 10 * found + digit;
        }
        return text.isEmpty() ? -1 : found;
    }
}
