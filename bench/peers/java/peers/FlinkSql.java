package peers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.table.annotation.DataTypeHint;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;
import org.apache.flink.table.api.TableResult;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.functions.ScalarFunction;
import org.apache.flink.types.Row;
import org.apache.flink.util.CloseableIterator;

/** Counts in Flink SQL, in one JVM. Arguments: brokers, topic, folder of result.json, file of the statements; the last one is the query. */
public final class FlinkSql {
    private static final Map<String, String> TUNED = Map.of(
            "parallelism.default", "2",
            "pipeline.object-reuse", "true",
            "table.local-time-zone", "UTC",
            "table.exec.mini-batch.enabled", "true",
            "table.exec.mini-batch.allow-latency", "1 s",
            "table.exec.mini-batch.size", "50000");

    private FlinkSql() {}

    public static void main(String[] arguments) throws Exception {
        TableEnvironment tables = TableEnvironment.create(EnvironmentSettings.newInstance()
                .inStreamingMode()
                .withConfiguration(Configuration.fromMap(TUNED))
                .build());
        tables.createTemporarySystemFunction("parse_line", ParseLine.class);
        tables.createTemporarySystemFunction("level_of", LevelOf.class);
        String text = Files.readString(Path.of(arguments[3])).replace("{kafka}", arguments[0]).replace("{topic}", arguments[1]);
        TableResult result = Arrays.stream(text.strip().split(";\\s*")).map(tables::executeSql).reduce((before, last) -> last).orElseThrow();
        List<Result.Cell> cells = new ArrayList<>();
        try (CloseableIterator<Row> rows = result.collect()) {
            rows.forEachRemaining(row -> cells.add(new Result.Cell(
                    row.<Instant>getFieldAs(0).toEpochMilli(), row.getFieldAs(1), row.getFieldAs(2), row.getFieldAs(3))));
        }
        Result.write(Path.of(arguments[2]), cells);
    }

    /** Return what {@link ErrorLine} reads of a line; null if the line does not count. Internal types: nothing is converted for a call. */
    public static final class ParseLine extends ScalarFunction {
        private static final long serialVersionUID = 1;
        private static final long FUTURE_MS = 3_600_000;

        private transient byte[] line;
        private transient Long parsed;

        public Long eval(
                byte[] line, @DataTypeHint(value = "TIMESTAMP_LTZ(3)", bridgedTo = TimestampData.class) TimestampData arrived) {
            // The plan calls a function once for each expression that needs it: of 4 calls for a line, 2 are answered from here.
            if (line != this.line) {
                this.line = line;
                long read = ErrorLine.parse(line);
                parsed = ErrorLine.ms(read) < 0 || ErrorLine.ms(read) > arrived.getMillisecond() + FUTURE_MS ? null : read;
            }
            return parsed;
        }
    }

    public static final class LevelOf extends ScalarFunction {
        private static final long serialVersionUID = 1;
        private static final StringData[] LEVELS = ErrorLine.LEVELS.stream().map(StringData::fromString).toArray(StringData[]::new);

        @DataTypeHint(value = "STRING", bridgedTo = StringData.class)
        public StringData eval(Long parsed) {
            return parsed == null ? null : LEVELS[ErrorLine.level(parsed)];
        }
    }
}
