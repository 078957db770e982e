package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.Map;

/** Lines that are text: of a pattern, of nginx, of httpd with its own ErrorLogFormat, of syslog. As spark_jobs/formats/text_line.py. */
final class TextFormat implements Format {
    private static final int MOST_PRIORITY = 191; // of syslog: facility 23, severity 7
    private static final int[] SEVERITIES = {0, 1, 2, 3, 4, 5, 6, 7}; // syslog's are the first eight common levels, in order
    private final Texts texts;
    private final Moment moment;
    private final Map<String, Integer> levels;
    private final int usual; // the level of a line that has none; -1: such a line is not of the format

    TextFormat(JsonNode node, Calendar calendar) {
        texts = new Texts(node.get("text"));
        moment = new Moment(texts, calendar);
        levels = Plan.levels(node.get("levels"));
        usual = Levels.NAMES.indexOf(node.get("default_level").asText());
    }

    @Override
    public boolean read(byte[] a, int from, int to, boolean ascii, long append, Line line) {
        if (!texts.fits(Texts.decoded(a, from, to, ascii))) return false;
        int level = level();
        if (level < 0) return false;
        line.level = level;
        line.moment = moment.get(append);
        line.service = texts.has("service") ? Texts.trimmed(texts.get("service")).getBytes(StandardCharsets.UTF_8) : null;
        if (level < Levels.ERRORS) {
            line.message = Texts.trimmed(texts.get("message")).getBytes(StandardCharsets.UTF_8);
            line.from = 0;
            line.to = line.message.length;
        }
        return true;
    }

    private int level() {
        if (texts.has("priority")) {
            String priority = texts.get("priority");
            if (priority.isEmpty()) return usual;
            int number = Integer.parseInt(priority);
            return number > MOST_PRIORITY ? -1 : SEVERITIES[number % 8];
        }
        return texts.has("level") ? levels.getOrDefault(Plan.lower(texts.get("level")), -1) : usual;
    }
}
