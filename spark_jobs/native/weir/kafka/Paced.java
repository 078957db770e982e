package weir.kafka;

import java.util.EnumSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.apache.spark.sql.connector.catalog.SupportsRead;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCapability;
import org.apache.spark.sql.connector.catalog.TableProvider;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.connector.read.InputPartition;
import org.apache.spark.sql.connector.read.PartitionReaderFactory;
import org.apache.spark.sql.connector.read.Scan;
import org.apache.spark.sql.connector.read.ScanBuilder;
import org.apache.spark.sql.connector.read.streaming.MicroBatchStream;
import org.apache.spark.sql.connector.read.streaming.Offset;
import org.apache.spark.sql.connector.read.streaming.ReadLimit;
import org.apache.spark.sql.connector.read.streaming.ReportsSourceMetrics;
import org.apache.spark.sql.connector.read.streaming.SupportsTriggerAvailableNow;
import org.apache.spark.sql.kafka010.KafkaMicroBatchStream;
import org.apache.spark.sql.kafka010.KafkaSourceProvider;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Spark's Kafka source with batches of a size that changes while it runs: Spark's own `maxOffsetsPerTrigger` is fixed. Everything else,
 * checkpoints included, is Spark's.
 */
public final class Paced implements TableProvider {
    private static volatile long limit = Long.MAX_VALUE; // of this process: a driver has one stream

    /** Sets how many lines the next batches may have. */
    public static void limit(long lines) {
        limit = lines;
    }

    @Override
    public StructType inferSchema(CaseInsensitiveStringMap options) {
        return new KafkaSourceProvider().inferSchema(options);
    }

    @Override
    public Table getTable(StructType schema, Transform[] partitioning, Map<String, String> properties) {
        return new PacedTable((SupportsRead) new KafkaSourceProvider().getTable(schema, partitioning, properties));
    }

    private record PacedTable(SupportsRead kafka) implements SupportsRead {
        @Override
        public String name() {
            return kafka.name();
        }

        @Override
        public StructType schema() {
            return kafka.schema();
        }

        @Override
        public Set<TableCapability> capabilities() {
            return EnumSet.of(TableCapability.MICRO_BATCH_READ);
        }

        @Override
        public ScanBuilder newScanBuilder(CaseInsensitiveStringMap options) {
            ScanBuilder builder = kafka.newScanBuilder(options);
            return () -> new PacedScan(builder.build());
        }
    }

    private record PacedScan(Scan kafka) implements Scan {
        @Override
        public StructType readSchema() {
            return kafka.readSchema();
        }

        @Override
        public String description() {
            return kafka.description();
        }

        @Override
        public MicroBatchStream toMicroBatchStream(String checkpoint) {
            return new PacedStream((KafkaMicroBatchStream) kafka.toMicroBatchStream(checkpoint));
        }
    }

    private record PacedStream(KafkaMicroBatchStream kafka) implements MicroBatchStream, SupportsTriggerAvailableNow, ReportsSourceMetrics {
        @Override
        public Offset latestOffset(Offset start, ReadLimit ignored) {
            return kafka.latestOffset(start, ReadLimit.maxRows(limit));
        }

        @Override
        public Offset latestOffset() {
            return kafka.latestOffset();
        }

        @Override
        public Offset initialOffset() {
            return kafka.initialOffset();
        }

        @Override
        public Offset reportLatestOffset() {
            return kafka.reportLatestOffset();
        }

        @Override
        public void prepareForTriggerAvailableNow() {
            kafka.prepareForTriggerAvailableNow();
        }

        @Override
        public InputPartition[] planInputPartitions(Offset start, Offset end) {
            return kafka.planInputPartitions(start, end);
        }

        @Override
        public PartitionReaderFactory createReaderFactory() {
            return kafka.createReaderFactory();
        }

        @Override
        public Offset deserializeOffset(String json) {
            return kafka.deserializeOffset(json);
        }

        @Override
        public void commit(Offset end) {
            kafka.commit(end);
        }

        @Override
        public void stop() {
            kafka.stop();
        }

        @Override
        public Map<String, String> metrics(Optional<Offset> latest) {
            return kafka.metrics(latest);
        }

        @Override
        public String toString() {
            return kafka.toString();
        }
    }
}
