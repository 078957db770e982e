package weir.counting;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.record.TimestampType;
import org.apache.spark.api.java.JavaSparkContext;

/** Counts the ranges of a batch on Spark's executors: what spark_jobs/counts/native.py calls. */
public final class Engine {
    private static final byte[] NONE = new byte[0];
    private static final String SOURCES = readSources(); // a batch asks in each of its tasks

    private Engine() {}

    /** The digest of the sources that this jar was compiled from: the code of one release may meet the jar of another. */
    public static String sources() {
        return SOURCES;
    }

    private static String readSources() {
        try (InputStream in = Engine.class.getResourceAsStream("/weir/sources.sha256")) {
            return in == null ? "" : new String(in.readAllBytes(), UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    /**
     * Counts the ranges.
     *
     * @param plan the JSON of a Plan
     * @param ranges JSON: a list of [topic, partition, from, to]
     * @param arrivedBy by when (ms) all records had arrived: no time that a producer set is later
     * @param few a batch of at most this many lines is read by one task
     * @return the counts, as Packed has them
     */
    public static byte[] count(JavaSparkContext spark, String plan, String ranges, long arrivedBy, long few) throws JsonProcessingException {
        List<List<Range>> tasks = tasks(ranges, few, 2 * spark.defaultParallelism());
        Counts all = new Counts();
        for (byte[] each : counted(spark, plan, tasks, arrivedBy)) Packed.add(each, all);
        Plan given = Plan.of(plan);
        return Packed.of(Cap.applied(all, given.cap, given.other, given.unknown));
    }

    /** Counts each task's ranges. One alone needs no job of Spark if the tasks run in this process: a start is 1 CPU-s cheaper without it. */
    private static List<byte[]> counted(JavaSparkContext spark, String plan, List<List<Range>> tasks, long arrivedBy) {
        String sources = SOURCES;
        if (tasks.size() == 1 && spark.isLocal()) return List.of(counted(sources, plan, tasks.get(0), arrivedBy));
        return spark.parallelize(tasks, tasks.size()).map(each -> counted(sources, plan, each, arrivedBy)).collect();
    }

    /** The ranges by task. In batches of more than `few` lines, a partition is always in the same task, whose consumer is kept. */
    private static List<List<Range>> tasks(String json, long few, int most) throws JsonProcessingException {
        List<Range> ranges = new ArrayList<>();
        long lines = 0;
        for (JsonNode each : new ObjectMapper().readTree(json)) {
            Range range = new Range(ranges.size(), each.get(0).asText(), each.get(1).asInt(), each.get(2).asLong(), each.get(3).asLong());
            ranges.add(range);
            lines += range.to() - range.from();
        }
        List<List<Range>> tasks = new ArrayList<>();
        for (int i = 0; i < (lines <= few ? 1 : Math.min(most, ranges.size())); i++) tasks.add(new ArrayList<>());
        for (Range each : ranges) tasks.get(each.number() % tasks.size()).add(each);
        if (lines > 0) tasks.removeIf(each -> each.stream().allMatch(Range::empty));
        return tasks;
    }

    private static byte[] counted(String sources, String json, List<Range> ranges, long arrivedBy) {
        if (!sources.equals(SOURCES))
            throw new IllegalStateException("the native jar on this executor differs from the driver's: "
                    + "install the same weir-native-*.jar on every node and restart the job (docs/engines.md)");
        Plan plan = Plan.of(json);
        return plan.counting(counter -> {
            if (ranges.stream().allMatch(Range::empty)) Fetcher.touch(plan, ranges);
            else Fetcher.read(plan, ranges, (range, record) -> add(counter, range.number(), record, arrivedBy));
            return Packed.of(counter.counts);
        });
    }

    private static void add(Counter counter, int range, ConsumerRecord<ByteBuffer, ByteBuffer> record, long arrivedBy) {
        ByteBuffer key = record.key(), value = record.value();
        byte[] k = key == null ? NONE : key.array(), v = value == null ? NONE : value.array();
        int k0 = key == null ? 0 : key.arrayOffset() + key.position(), k1 = key == null ? 0 : k0 + key.remaining();
        int v0 = value == null ? 0 : value.arrayOffset() + value.position(), v1 = value == null ? 0 : v0 + value.remaining();
        counter.add(range, record.offset(), arrival(record, arrivedBy), k, k0, k1, v, v0, v1);
    }

    /** As `arrivals` of spark_jobs/sources/kafka.py: what a producer says is not believed beyond `by`. */
    private static long arrival(ConsumerRecord<?, ?> record, long by) {
        long said = record.timestamp();
        if (record.timestampType() == TimestampType.LOG_APPEND_TIME) return said;
        return said > 0 ? Math.min(said, by) : by;
    }

    /**
     * Reads lines one by one, for tests.
     *
     * @param lines JSON: a list of [key, value, append time], keys and values in base64, or null
     * @return JSON: for each the number of its reason, or [event time, level, service in base64, signature]
     */
    public static String read(String plan, String lines) throws JsonProcessingException {
        JsonNode given = new ObjectMapper().readTree(lines);
        return Plan.of(plan).counting(counter -> read(counter, given));
    }

    private static String read(Counter counter, JsonNode lines) {
        ArrayNode found = new ObjectMapper().createArrayNode();
        for (JsonNode each : lines) {
            byte[] k = bytes(each.get(0)), v = bytes(each.get(1));
            int reason = counter.read(each.get(2).asLong(), k, 0, k.length, v, 0, v.length);
            if (reason != Line.COUNTS) {
                found.add(reason);
                continue;
            }
            int signature = counter.signature(); // may move the others
            byte[] service = counter.counts.services.at[counter.service], signed = counter.counts.signatures.at[signature];
            found.addArray().add(counter.line.moment).add(Levels.NAMES.get(counter.line.level)).add(service).add(new String(signed, UTF_8));
        }
        return found.toString();
    }

    private static byte[] bytes(JsonNode text) {
        return text.isNull() ? NONE : Base64.getDecoder().decode(text.asText());
    }
}
