package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.regex.Pattern;

/** Lines that are JSON objects: ECS, logstash's, or any with named members. As spark_jobs/formats/json_line.py. */
final class JsonFormat implements Format {
    private static final Pattern NUMBER = Pattern.compile("-?(?:0|[1-9][0-9]*+)(?:\\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+");
    private static final double FIRST = -62_135_596_800_000d, LAST = 253_402_300_799_999.99; // ms of the years 0001 to 9999
    private final String time, level, message, service; // names of members; null: lines name no service
    private final Members members;
    private final Map<String, Integer> levels;
    private final int usual;
    private final long unit; // ms of one, if times are numbers; else 0
    private final Texts times;
    private final Moment moment;

    JsonFormat(JsonNode node, Calendar calendar) {
        Map<String, String> names = Plan.map(node.get("members"));
        time = names.get("time");
        level = names.get("level");
        message = names.get("message");
        service = names.get("service");
        members = new Members(names.values());
        levels = Plan.levels(node.get("levels"));
        usual = Levels.NAMES.indexOf(node.get("default_level").asText());
        unit = node.get("unit_ms").asLong();
        times = unit == 0 ? new Texts(node.get("time")) : null;
        moment = unit == 0 ? new Moment(times, calendar) : null;
    }

    @Override
    public boolean read(byte[] a, int from, int to, boolean ascii, long append, Line line) {
        Map<String, String> found = members.of(Texts.decoded(a, from, to, ascii));
        if (found == null || !found.containsKey(time)) return false;
        if (service != null && found.getOrDefault(service, "").contains(Texts.MARK)) return false;
        String name = found.get(level);
        line.level = name == null ? usual : levels.getOrDefault(Plan.lower(Texts.trimmed(name)), -1);
        if (line.level < 0) return false;
        line.moment = moment(found.get(time), append);
        line.service = service(found);
        if (line.level < Levels.ERRORS) {
            line.message = Texts.trimmed(found.getOrDefault(message, "")).getBytes(StandardCharsets.UTF_8);
            line.from = 0;
            line.to = line.message.length;
        }
        return true;
    }

    private long moment(String text, long append) {
        if (unit == 0) return times.fits(text) ? moment.get(append) : Line.NO_TIME;
        if (!NUMBER.matcher(text).matches()) return Line.NO_TIME;
        double ms = Double.parseDouble(text) * unit + 0.5;
        return ms >= FIRST && ms <= LAST ? (long) Math.floor(ms) : Line.NO_TIME;
    }

    private byte[] service(Map<String, String> found) {
        String text = service == null ? null : found.get(service);
        if (text == null) return null;
        String name = Texts.trimmed(text);
        boolean none = name.startsWith("{") || name.startsWith("[") || NUMBER.matcher(name).matches();
        return none ? null : name.getBytes(StandardCharsets.UTF_8);
    }
}
