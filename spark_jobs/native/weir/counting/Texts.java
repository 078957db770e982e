package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** A text by a regular expression, of which named parts are read. The expressions are those of spark_jobs/formats/shape.py. */
final class Texts {
    static final String MARK = "\u0001"; // with which Spark's functions mark the parts: a text that begins with it is not read
    private final Map<String, List<String>> groups = new LinkedHashMap<>();
    private final Matcher matcher;

    /** `node` has the `pattern` of a whole text, and for each part the names of its `groups`, of which one matches. */
    Texts(JsonNode node) {
        matcher = Pattern.compile(node.get("pattern").asText()).matcher("");
        for (Map.Entry<String, JsonNode> each : node.get("groups").properties()) groups.put(each.getKey(), Plan.texts(each.getValue()));
    }

    static String decoded(byte[] a, int from, int to, boolean ascii) {
        return new String(a, from, to - from, ascii ? StandardCharsets.ISO_8859_1 : StandardCharsets.UTF_8);
    }

    boolean fits(String text) {
        return !text.startsWith(MARK) && matcher.reset(text).matches();
    }

    boolean has(String part) {
        return groups.containsKey(part);
    }

    /** A part of the text that fitted last; empty if it is missing there. */
    String get(String part) {
        for (String group : groups.get(part)) {
            String found = matcher.group(group);
            if (found != null) return found;
        }
        return "";
    }

    /** Without blanks around it. */
    static String trimmed(String text) {
        int from = 0, to = text.length();
        while (from < to && text.charAt(from) == ' ') from++;
        while (to > from && text.charAt(to - 1) == ' ') to--;
        return text.substring(from, to);
    }
}
