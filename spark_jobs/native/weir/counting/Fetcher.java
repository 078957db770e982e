package weir.counting;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BiConsumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.Metric;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.spark.TaskContext;

/** A consumer of certain partitions. It is kept from batch to batch with what it has read ahead, which the next batch begins with. */
final class Fetcher {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final long PATIENCE_NS = 120_000_000_000L; // without a record: as long as Spark's own source waits
    private static final long KEPT_NS = 60_000_000_000L; // close a consumer that was unused for so long: it holds some MB of read-ahead per partition
    private static final ConcurrentHashMap<String, Fetcher> KEPT = new ConcurrentHashMap<>();
    private final KafkaConsumer<ByteBuffer, ByteBuffer> consumer;
    private final Map<TopicPartition, Ahead> aheads = new HashMap<>();
    private volatile long usedAt;

    /** What was read of a partition beyond the last batch. */
    private static final class Ahead {
        long at = -1; // where the next batch should begin
        ConsumerRecord<ByteBuffer, ByteBuffer> held;
        Iterator<ConsumerRecord<ByteBuffer, ByteBuffer>> rest = Collections.emptyIterator();

        ConsumerRecord<ByteBuffer, ByteBuffer> next() {
            ConsumerRecord<ByteBuffer, ByteBuffer> found = held != null ? held : rest.hasNext() ? rest.next() : null;
            held = null;
            return found;
        }
    }

    private Fetcher(Plan plan, List<TopicPartition> partitions) {
        consumer = new KafkaConsumer<>(plan.consumer(), new Slices(), new Slices());
        consumer.assign(partitions);
        for (TopicPartition each : partitions) aheads.put(each, new Ahead());
    }

    /**
     * Reads all records of the ranges, each partition in order.
     *
     * @throws org.apache.kafka.clients.consumer.OffsetOutOfRangeException if some of them were deleted
     * @throws TimeoutException if the broker does not answer
     */
    static void read(Plan plan, List<Range> ranges, BiConsumer<Range, ConsumerRecord<ByteBuffer, ByteBuffer>> sink) {
        List<TopicPartition> partitions = partitions(ranges);
        String key = partitions + " " + plan.node.get("kafka").hashCode();
        Fetcher fetcher = KEPT.remove(key); // two tasks must not use one consumer
        if (fetcher == null) fetcher = new Fetcher(plan, partitions);
        try {
            fetcher.read(ranges, partitions, sink);
        } catch (RuntimeException | Error failure) {
            close(fetcher);
            throw failure;
        }
        fetcher.usedAt = System.nanoTime();
        close(KEPT.put(key, fetcher));
        KEPT.forEach((each, other) -> {
            if (System.nanoTime() - other.usedAt > KEPT_NS && KEPT.remove(each, other)) close(other);
        });
    }

    private static List<TopicPartition> partitions(List<Range> ranges) {
        return ranges.stream().map(each -> new TopicPartition(each.topic(), each.partition())).toList();
    }

    private static void close(Fetcher fetcher) {
        if (fetcher != null) fetcher.consumer.close(Duration.ZERO);
    }

    private void read(List<Range> ranges, List<TopicPartition> partitions, BiConsumer<Range, ConsumerRecord<ByteBuffer, ByteBuffer>> sink) {
        for (int i = 0; i < ranges.size(); i++) begin(partitions.get(i), ranges.get(i).from());
        consumer.resume(partitions);
        boolean[] done = new boolean[ranges.size()];
        long deadline = System.nanoTime() + PATIENCE_NS;
        for (int left = ranges.size(); ; ) {
            for (int i = 0; i < done.length; i++)
                if (!done[i] && taken(ranges.get(i), partitions.get(i), sink)) {
                    done[i] = true;
                    left--;
                    consumer.pause(List.of(partitions.get(i)));
                }
            if (left == 0) return;
            ConsumerRecords<ByteBuffer, ByteBuffer> found = polled();
            for (TopicPartition each : found.partitions()) aheads.get(each).rest = found.records(each).iterator();
            if (!found.isEmpty()) deadline = System.nanoTime() + PATIENCE_NS;
            else if (System.nanoTime() > deadline) throw new TimeoutException("Kafka returned no record of " + ranges + " for 120 s: check the brokers of these partitions");
        }
    }

    private ConsumerRecords<ByteBuffer, ByteBuffer> polled() {
        ConsumerRecords<ByteBuffer, ByteBuffer> found = consumer.poll(POLL);
        if (TaskContext.get() != null) TaskContext.get().killTaskIfInterrupted();
        return found;
    }

    /**
     * Asks the broker for records of ranges that have none, with a consumer of its own, to see that they may be read.
     *
     * @throws org.apache.kafka.common.KafkaException if they may not, or if the broker does not answer
     */
    static void touch(Plan plan, List<Range> ranges) {
        List<TopicPartition> partitions = partitions(ranges);
        Fetcher fetcher = new Fetcher(plan, partitions);
        try {
            fetcher.consumer.endOffsets(partitions).forEach(fetcher.consumer::seek);
            long deadline = System.nanoTime() + PATIENCE_NS;
            while (!fetcher.hasFetched()) {
                fetcher.polled();
                if (System.nanoTime() > deadline) throw new TimeoutException("Kafka did not answer a fetch from " + ranges + " within 120 s: check the brokers and the topic's ACLs");
            }
            fetcher.polled(); // raises what the answer says
        } finally {
            close(fetcher);
        }
    }

    private boolean hasFetched() {
        for (Map.Entry<MetricName, ? extends Metric> each : consumer.metrics().entrySet())
            if (each.getKey().name().equals("fetch-total") && (double) each.getValue().metricValue() > 0) return true;
        return false;
    }

    private void begin(TopicPartition partition, long from) {
        Ahead ahead = aheads.get(partition);
        if (ahead.at == from) return;
        consumer.seek(partition, from);
        aheads.put(partition, new Ahead());
    }

    /** Passes on the records already fetched. Returns whether the range is complete; it may end in offsets without records. */
    private boolean taken(Range range, TopicPartition partition, BiConsumer<Range, ConsumerRecord<ByteBuffer, ByteBuffer>> sink) {
        Ahead ahead = aheads.get(partition);
        for (ConsumerRecord<ByteBuffer, ByteBuffer> record; (record = ahead.next()) != null; ) {
            if (record.offset() >= range.to()) {
                ahead.held = record;
                break;
            }
            sink.accept(range, record);
        }
        boolean last = ahead.held != null || consumer.position(partition) >= range.to();
        if (last) ahead.at = range.to();
        return last;
    }

    /** The bytes where they are, without a copy. */
    static final class Slices implements Deserializer<ByteBuffer> {
        @Override
        public ByteBuffer deserialize(String topic, byte[] data) {
            return data == null ? null : ByteBuffer.wrap(data);
        }

        @Override
        public ByteBuffer deserialize(String topic, Headers headers, ByteBuffer data) {
            return data;
        }
    }
}
