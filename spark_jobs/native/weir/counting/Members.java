package weir.counting;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.StringWriter;
import java.util.Collection;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Members of JSON objects by name, with the parser that Spark's from_json uses: a name is that of a member, or its parts lead through
 * objects. As spark_jobs/formats/members.py.
 */
final class Members {
    private static final JsonFactory JSON = new JsonFactory();
    private final TreeSet<String> names;
    private final Map<String, Members> inside = new TreeMap<>(); // by the first part of names that have several

    Members(Collection<String> names) {
        this.names = new TreeSet<>(names);
        Map<String, TreeSet<String>> rests = new TreeMap<>();
        for (String name : names) {
            int dot = name.indexOf('.');
            if (dot >= 0) rests.computeIfAbsent(name.substring(0, dot), any -> new TreeSet<>()).add(name.substring(dot + 1));
        }
        rests.forEach((first, rest) -> inside.put(first, new Members(rest)));
    }

    /** The texts of members by name; null if the text does not begin with an object. Those that are missing or null are left out. */
    Map<String, String> of(String text) {
        Map<String, String> here = text.startsWith("{") ? object(text) : null;
        if (here == null) return null;
        inside.forEach((first, members) -> {
            String within = here.get(first);
            Map<String, String> found = within == null ? null : members.of(within);
            if (found != null) found.forEach((name, value) -> here.putIfAbsent(first + "." + name, value));
        });
        return here;
    }

    private Map<String, String> object(String text) {
        Map<String, String> found = new HashMap<>();
        try (JsonParser parser = JSON.createParser(text)) {
            parser.nextToken();
            while (parser.nextToken() == JsonToken.FIELD_NAME) {
                String name = parser.currentName();
                parser.nextToken();
                if (!names.contains(name) && !inside.containsKey(name)) parser.skipChildren();
                else if (parser.currentToken() == JsonToken.VALUE_NULL) found.remove(name);
                else found.put(name, value(parser));
            }
        } catch (IOException broken) {
            return null;
        }
        return found;
    }

    private static String value(JsonParser parser) throws IOException {
        if (parser.currentToken() == JsonToken.VALUE_STRING) return parser.getText();
        StringWriter text = new StringWriter();
        try (JsonGenerator generator = JSON.createGenerator(text)) {
            generator.copyCurrentStructure(parser);
        }
        return text.toString();
    }
}
