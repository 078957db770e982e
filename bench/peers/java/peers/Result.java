package peers;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;

/** The final counts as the harness reads them: a JSON list of [window start in ms, service, level, n], sorted. */
final class Result {
    record Cell(long windowMs, String service, String level, long n) {
        String json() {
            return "[" + windowMs + "," + quoted(service) + "," + quoted(level) + "," + n + "]";
        }
    }

    private static final Comparator<Cell> ORDER =
            Comparator.comparingLong(Cell::windowMs).thenComparing(Cell::service).thenComparing(Cell::level);

    private Result() {}

    /** Write result.json into a folder, complete or not at all. */
    static void write(Path folder, List<Cell> cells) throws IOException {
        String rows = cells.stream().sorted(ORDER).map(Cell::json).collect(Collectors.joining(",", "[", "]\n"));
        Path part = folder.resolve("result.json.part");
        Files.writeString(part, rows);
        Files.move(part, folder.resolve("result.json"));
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
    }
}
