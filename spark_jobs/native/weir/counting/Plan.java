package weir.counting;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;

/** What a job counts, and how: the JSON that spark_jobs/counts/native.py writes. */
final class Plan {
    private static final ConcurrentHashMap<String, Plan> KNOWN = new ConcurrentHashMap<>(); // by their JSON: a job has one
    final JsonNode node;
    final long pane, skew; // ms
    final int longestService; // bytes
    final int cap; // signatures of a service in a batch
    final byte[] other; // the signature of lines beyond the cap
    final String unknown; // the service of a record without a key
    private final Queue<Counter> idle = new ConcurrentLinkedQueue<>(); // making a counter takes 4 ms, which was a tenth of a small batch

    private Plan(JsonNode node) {
        this.node = node;
        pane = node.get("pane_ms").asLong();
        skew = node.get("future_skew_ms").asLong();
        longestService = node.get("longest_service").asInt();
        cap = node.get("signature_cap").asInt();
        unknown = node.get("unknown_service").asText();
        other = node.get("other").asText().getBytes(StandardCharsets.UTF_8);
    }

    /** Returns the plan of a JSON, the same for each task and batch in this process: it keeps their counters. */
    static Plan of(String json) {
        return KNOWN.computeIfAbsent(json, Plan::parsed);
    }

    private static Plan parsed(String json) {
        try {
            return new Plan(new ObjectMapper().readTree(json));
        } catch (JsonProcessingException error) {
            throw new IllegalArgumentException("the plan of the native engine is not valid JSON", error);
        }
    }

    /** Lets work use a counter alone. If the work fails, the counter is not used again: it has counted something. */
    <T> T counting(Function<Counter, T> work) {
        Counter kept = idle.poll(), counter = kept == null ? new Counter(this) : kept;
        T found = work.apply(counter);
        counter.clear();
        idle.add(counter);
        return found;
    }

    Properties consumer() {
        Properties found = new Properties();
        found.putAll(map(node.get("kafka")));
        return found;
    }

    static List<String> texts(JsonNode nodes) {
        List<String> found = new ArrayList<>();
        for (JsonNode each : nodes) found.add(each.asText());
        return found;
    }

    static Map<String, String> map(JsonNode node) {
        Map<String, String> found = new HashMap<>();
        for (Map.Entry<String, JsonNode> each : node.properties()) found.put(each.getKey(), each.getValue().asText());
        return found;
    }

    /** Numbers of common levels by name. */
    static Map<String, Integer> levels(JsonNode names) {
        Map<String, Integer> found = new HashMap<>();
        map(names).forEach((name, level) -> found.put(name, Levels.NAMES.indexOf(level)));
        return found;
    }

    /** ASCII letters in lower case: others stay as they are. */
    static String lower(String text) {
        for (int i = 0; i < text.length(); i++) if (text.charAt(i) > 127) return text;
        return text.toLowerCase(Locale.ROOT);
    }
}
