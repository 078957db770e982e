package peers;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteBufferDeserializer;

/** The floor: reads every record of a topic and does nothing with it. Arguments: brokers, topic, folder of result.json. */
final class Reader {
    // Large fetches cost less than the default of 1 MiB a partition. Of 500 to 100,000 records a poll, 2,000 cost least: with 100,000 it
    // took a quarter more CPU.
    private static final Map<String, Object> TUNED = Map.of(
            "fetch.max.bytes", 64 << 20,
            "max.partition.fetch.bytes", 8 << 20,
            "max.poll.records", 2_000,
            "receive.buffer.bytes", 1 << 20,
            "enable.auto.commit", false);

    private Reader() {}

    public static void main(String[] arguments) throws Exception {
        var settings = new java.util.HashMap<>(TUNED);
        settings.put("bootstrap.servers", arguments[0]);
        // ByteBuffer: its deserializer hands out the fetched bytes without a copy.
        try (var consumer = new KafkaConsumer<>(settings, new ByteBufferDeserializer(), new ByteBufferDeserializer())) {
            List<TopicPartition> partitions = consumer.partitionsFor(arguments[1]).stream()
                    .map(each -> new TopicPartition(each.topic(), each.partition()))
                    .toList();
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            long records = 0;
            long bytes = 0;
            for (long wanted = remaining(consumer, partitions); records < wanted; ) {
                for (ConsumerRecord<ByteBuffer, ByteBuffer> each : consumer.poll(Duration.ofSeconds(1))) {
                    records++;
                    bytes += each.serializedKeySize() + each.serializedValueSize();
                }
            }
            System.err.println(records + " records, " + bytes + " bytes");
        }
        Result.write(Path.of(arguments[2]), List.of());
    }

    private static long remaining(KafkaConsumer<?, ?> consumer, List<TopicPartition> partitions) {
        Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
        return partitions.stream().mapToLong(each -> ends.get(each) - consumer.position(each)).sum();
    }
}
