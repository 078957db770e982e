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
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.spark.TaskContext;

/** A consumer of certain partitions. It is kept from batch to batch with what it has read ahead, which the next batch begins with. */
final class Fetcher {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final long PATIENCE_NS = 120_000_000_000L; // without a record: as long as Spark's own source waits
    private static final ConcurrentHashMap<String, Fetcher> KEPT = new ConcurrentHashMap<>();
    private final KafkaConsumer<ByteBuffer, ByteBuffer> consumer;
    private final Map<TopicPartition, Ahead> aheads = new HashMap<>();

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
     * Reads all records of the ranges, each partition in order. Of an empty range it asks the broker once, to see that it may.
     *
     * @throws org.apache.kafka.clients.consumer.OffsetOutOfRangeException if some of them were deleted
     * @throws TimeoutException if the broker does not answer
     */
    static void read(Plan plan, List<Range> ranges, BiConsumer<Range, ConsumerRecord<ByteBuffer, ByteBuffer>> sink) {
        List<TopicPartition> partitions = ranges.stream().map(each -> new TopicPartition(each.topic(), each.partition())).toList();
        String key = partitions + " " + plan.node.get("kafka").hashCode();
        Fetcher fetcher = KEPT.remove(key); // two tasks must not use one consumer
        if (fetcher == null) fetcher = new Fetcher(plan, partitions);
        try {
            fetcher.read(ranges, partitions, sink);
        } catch (RuntimeException | Error failure) {
            fetcher.consumer.close(Duration.ZERO);
            throw failure;
        }
        Fetcher other = KEPT.put(key, fetcher);
        if (other != null) other.consumer.close(Duration.ZERO);
    }

    private void read(List<Range> ranges, List<TopicPartition> partitions, BiConsumer<Range, ConsumerRecord<ByteBuffer, ByteBuffer>> sink) {
        for (int i = 0; i < ranges.size(); i++) begin(partitions.get(i), ranges.get(i).from());
        consumer.resume(partitions);
        boolean[] done = new boolean[ranges.size()];
        boolean asked = !ranges.stream().allMatch(Range::empty);
        long deadline = System.nanoTime() + PATIENCE_NS;
        for (int left = ranges.size(); ; asked = true) {
            for (int i = 0; i < done.length; i++)
                if (!done[i] && asked && taken(ranges.get(i), partitions.get(i), sink)) {
                    done[i] = true;
                    left--;
                    consumer.pause(List.of(partitions.get(i)));
                }
            if (left == 0) return;
            ConsumerRecords<ByteBuffer, ByteBuffer> found = consumer.poll(POLL);
            if (TaskContext.get() != null && TaskContext.get().isInterrupted()) TaskContext.get().killTaskIfInterrupted();
            for (TopicPartition each : found.partitions()) aheads.get(each).rest = found.records(each).iterator();
            if (!found.isEmpty()) deadline = System.nanoTime() + PATIENCE_NS;
            else if (System.nanoTime() > deadline) throw new TimeoutException("no record of " + ranges + " arrived within 120 s");
        }
    }

    private void begin(TopicPartition partition, long from) {
        Ahead ahead = aheads.get(partition);
        if (ahead.at == from) return;
        consumer.seek(partition, from);
        aheads.put(partition, new Ahead());
    }

    /** Hands on what is there of a range. Returns whether that was the last of it: its end may be a hole, of which nothing comes. */
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
