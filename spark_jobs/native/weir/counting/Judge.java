package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.apache.spark.unsafe.types.UTF8String;

/** Judges whole lines of one reading: refusals, containers, format, continuation, time. The order is that of docs/formats.md. */
final class Judge {
    static final int EMPTY = 0, TOO_LONG = 1, NOT_UTF8 = 2, NOT_A_LOG_LINE = 3, BAD_TIME = 4, FUTURE = 5, CONTINUATION = 6;
    private static final int LONGEST = 65_536; // bytes of a line that are read
    private final Format format;
    private final List<UnaryOperator<String>> containers = new ArrayList<>(); // from a text to the one inside; null if it does not fit
    private final Pattern continuation; // null: no line continues another
    private final long skew;

    Judge(JsonNode reading, Calendar calendar, long skew) {
        JsonNode form = reading.get("format");
        format = format(form, calendar);
        for (JsonNode each : form.get("containers")) containers.add(container(each));
        continuation = form.get("continuation").isNull() ? null : Pattern.compile(form.get("continuation").asText());
        this.skew = skew;
    }

    private static Format format(JsonNode form, Calendar calendar) {
        return switch (form.get("kind").asText()) {
            case "apache" -> new ApacheError(calendar);
            case "json" -> new JsonFormat(form, calendar);
            default -> new TextFormat(form, calendar);
        };
    }

    private static UnaryOperator<String> container(JsonNode node) {
        if (node.has("member")) {
            String name = node.get("member").asText();
            Members members = new Members(List.of(name));
            return text -> withoutLineFeed(members.of(text), name);
        }
        Texts around = new Texts(node);
        return text -> around.fits(text) ? around.get("message") : null;
    }

    private static String withoutLineFeed(Map<String, String> found, String name) {
        String text = found == null ? null : found.get(name);
        return text != null && text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    /** COUNTS, with what was read in `line`, or the reason why the line is rejected. */
    int line(byte[] a, int from, int to, long append, Line line) {
        if (from == to) return EMPTY;
        if (to - from > LONGEST) return TOO_LONG;
        boolean ascii = Bytes.ascii(a, from, to);
        if (!ascii && !UTF8String.fromBytes(a, from, to - from).isValid()) return NOT_UTF8;
        return containers.isEmpty() ? read(a, from, to, ascii, append, line) : inside(Texts.decoded(a, from, to, ascii), ascii, append, line);
    }

    private int inside(String text, boolean ascii, long append, Line line) {
        for (UnaryOperator<String> around : containers) if ((text = around.apply(text)) == null) return NOT_A_LOG_LINE;
        if (text.isEmpty()) return EMPTY;
        byte[] a = text.getBytes(StandardCharsets.UTF_8);
        return read(a, 0, a.length, ascii || a.length == text.length(), append, line);
    }

    private int read(byte[] a, int from, int to, boolean ascii, long append, Line line) {
        if (!format.read(a, from, to, ascii, append, line)) {
            boolean continues = continuation != null && continuation.matcher(Texts.decoded(a, from, to, ascii)).find();
            return continues ? CONTINUATION : NOT_A_LOG_LINE;
        }
        if (line.moment == Line.NO_TIME) return BAD_TIME;
        return line.moment > append + skew ? FUTURE : Line.COUNTS;
    }
}
