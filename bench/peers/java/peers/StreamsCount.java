package peers;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.Stores;

/**
 * Counts in Kafka Streams. Arguments: brokers, topic, folder of result.json, processing guarantee.
 *
 * <p>The counts of all levels are one value by service: a key of service and level would send every record through a repartition topic.
 */
final class StreamsCount {
    private static final Duration SIZE = Duration.ofSeconds(30);
    private static final Duration SLIDE = Duration.ofSeconds(10);
    private static final Duration GRACE = Duration.ofMinutes(1);
    private static final Duration KEPT = Duration.ofDays(1); // of event time: the store is read when the topic has ended
    private static final long FUTURE_MS = 3_600_000;
    private static final String STORE = "counts";

    private StreamsCount() {}

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[2]);
        Map<Integer, Long> ends = ends(arguments[0], arguments[1]);
        var unread = new CountDownLatch(ends.size());
        var settings = settings(arguments[0], folder, arguments[3]);
        try (var streams = new KafkaStreams(topology(arguments[1], ends, unread), settings)) {
            streams.setUncaughtExceptionHandler(error -> {
                error.printStackTrace();
                Runtime.getRuntime().halt(1);
                return null;
            });
            streams.start();
            unread.await();
            Result.write(folder, cells(streams));
        }
    }

    private static Properties settings(String brokers, Path folder, String guarantee) {
        var settings = new Properties();
        settings.put("application.id", "peers-" + ProcessHandle.current().pid() + "-" + System.currentTimeMillis());
        settings.put("bootstrap.servers", brokers);
        settings.put("state.dir", folder.resolve("state").toString());
        settings.put("processing.guarantee", guarantee);
        settings.put("num.stream.threads", 2);
        settings.put("commit.interval.ms", 10_000); // exactly_once_v2 has 100 ms by default
        settings.put("statestore.cache.max.bytes", 64 << 20);
        settings.put("auto.offset.reset", "earliest");
        settings.put("buffered.records.per.partition", 20_000);
        settings.put("consumer.max.poll.records", 2_000);
        settings.put("consumer.fetch.max.bytes", 64 << 20);
        settings.put("consumer.max.partition.fetch.bytes", 8 << 20);
        settings.put("consumer.receive.buffer.bytes", 1 << 20);
        return settings;
    }

    private static Topology topology(String topic, Map<Integer, Long> ends, CountDownLatch unread) {
        Serde<Long> lines = Serdes.serdeFrom((t, parsed) -> null, (t, line) -> line == null ? ErrorLine.MALFORMED : ErrorLine.parse(line));
        var builder = new StreamsBuilder();
        builder.stream(topic, Consumed.with(Serdes.ByteArray(), lines).withTimestampExtractor((record, partitionMs) -> {
                    long ms = ErrorLine.ms((Long) record.value());
                    // A line that is not counted must not move the time of the stream.
                    return ms >= 0 && ms <= record.timestamp() + FUTURE_MS ? ms : Math.max(partitionMs, 0);
                }))
                .processValues(() -> new Filter(ends, unread))
                .groupByKey()
                .windowedBy(TimeWindows.ofSizeAndGrace(SIZE, GRACE).advanceBy(SLIDE))
                .aggregate(
                        () -> new long[ErrorLine.LEVELS.size()],
                        (service, line, counts) -> {
                            counts[ErrorLine.level(line)]++;
                            return counts;
                        },
                        Materialized.<byte[], long[]>as(Stores.inMemoryWindowStore(STORE, KEPT, SIZE, false))
                                .withKeySerde(Serdes.ByteArray())
                                .withValueSerde(Serdes.serdeFrom((t, counts) -> bytes(counts), (t, bytes) -> longs(bytes)))
                                .withCachingEnabled());
        return builder.build();
    }

    /** Passes on the lines that count, and tells when the last record of a partition has been counted. */
    private static final class Filter extends ContextualFixedKeyProcessor<byte[], Long, Long> {
        private final Map<Integer, Long> ends;
        private final CountDownLatch unread;

        Filter(Map<Integer, Long> ends, CountDownLatch unread) {
            this.ends = ends;
            this.unread = unread;
        }

        @Override
        public void process(FixedKeyRecord<byte[], Long> line) {
            if (ErrorLine.ms(line.value()) == line.timestamp()) {
                context().forward(line);
            }
            var at = context().recordMetadata().orElseThrow();
            if (at.offset() + 1 == ends.get(at.partition())) {
                unread.countDown();
            }
        }
    }

    /** Return the end of each partition that has records. */
    private static Map<Integer, Long> ends(String brokers, String topic) {
        Map<String, Object> settings = Map.of("bootstrap.servers", brokers);
        try (var consumer = new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            List<TopicPartition> partitions =
                    consumer.partitionsFor(topic).stream().map(each -> new TopicPartition(topic, each.partition())).toList();
            return consumer.endOffsets(partitions).entrySet().stream()
                    .filter(each -> each.getValue() > 0)
                    .collect(Collectors.toMap(each -> each.getKey().partition(), Map.Entry::getValue));
        }
    }

    /** Return the counts of all partitions' stores as one: a service may have lines in each partition. */
    private static List<Result.Cell> cells(KafkaStreams streams) {
        Map<String, long[]> windows = new TreeMap<>();
        var store = streams.store(StoreQueryParameters.fromNameAndType(STORE, QueryableStoreTypes.<byte[], long[]>windowStore()));
        try (var stored = store.all()) {
            stored.forEachRemaining(each -> {
                String window = each.key.window().start() + " " + new String(each.key.key());
                long[] sum = windows.computeIfAbsent(window, w -> new long[ErrorLine.LEVELS.size()]);
                IntStream.range(0, sum.length).forEach(level -> sum[level] += each.value[level]);
            });
        }
        return windows.entrySet().stream()
                .flatMap(each -> IntStream.range(0, ErrorLine.LEVELS.size())
                        .filter(level -> each.getValue()[level] > 0)
                        .mapToObj(level -> cell(each.getKey().split(" ", 2), level, each.getValue()[level])))
                .toList();
    }

    private static Result.Cell cell(String[] window, int level, long n) {
        return new Result.Cell(Long.parseLong(window[0]), window[1], ErrorLine.LEVELS.get(level), n);
    }

    private static byte[] bytes(long[] counts) {
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES * counts.length);
        bytes.asLongBuffer().put(counts);
        return bytes.array();
    }

    private static long[] longs(byte[] bytes) {
        long[] counts = new long[bytes.length / Long.BYTES];
        ByteBuffer.wrap(bytes).asLongBuffer().get(counts);
        return counts;
    }
}
