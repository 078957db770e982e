package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Counts records, one after the other: reads each by its service, and adds it to `counts`. */
final class Counter {
    Counts counts = new Counts();
    Line line = new Line();
    int service; // the number of that of `line`
    private final Plan plan;
    private final Map<String, Judge> judges = new HashMap<>(); // of services that are read in their own way
    private final Map<String, Signer> signers = new HashMap<>(); // of services with rules of their own
    private final Judge usual;
    private final Signer signer;
    private List<Judge> judgeOf = new ArrayList<>(); // by the number of a service
    private List<Signer> signerOf = new ArrayList<>();

    Counter(Plan plan) {
        this.plan = plan;
        Judge first = null;
        for (JsonNode reading : plan.node.get("readings")) {
            Judge judge = new Judge(reading, new Calendar(reading.get("zone").asText()), plan.skew);
            if (first == null) first = judge;
            for (String name : Plan.texts(reading.get("services"))) judges.put(name, judge);
        }
        usual = first;
        signer = new Signer(plan.node.get("signatures"));
        for (JsonNode own : plan.node.get("own_signatures"))
            for (String name : Plan.texts(own.get("services"))) signers.put(name, new Signer(own.get("rules")));
    }

    /** Forgets what was counted, and all that refers to it or to the lines. */
    void clear() {
        counts = new Counts();
        line = new Line(); // its message is in an answer of the broker, of up to 64 MiB
        judgeOf = new ArrayList<>();
        signerOf = new ArrayList<>();
    }

    /** Counts a record of a range. Its key and value are slices; empty ones if it has none. */
    void add(int range, long offset, long append, byte[] key, int k0, int k1, byte[] value, int v0, int v1) {
        int reason = read(append, key, k0, k1, value, v0, v1);
        Counts.Extent extent = counts.extent(range);
        if (append > extent.append) extent.append = append;
        if (reason != Line.COUNTS) {
            extent.reject(offset, service, reason, reason != Judge.CONTINUATION);
            return;
        }
        if (line.moment > extent.event) extent.event = line.moment;
        counts.add(line.moment - Math.floorMod(line.moment, plan.pane), Counts.key(signature(), service, line.level), 1);
    }

    /** Reads a record into `line` and `service`. Returns COUNTS, or the reason why it is rejected. */
    int read(long append, byte[] key, int k0, int k1, byte[] value, int v0, int v1) {
        service = counts.services.of(key, k0, Math.min(k1, k0 + plan.longestService));
        int reason = judge().line(value, v0, v1, append, line);
        if (reason == Line.COUNTS && line.service != null && line.service.length > 0)
            service = counts.services.of(line.service, 0, Math.min(line.service.length, plan.longestService));
        return reason;
    }

    /** The number of the signature of `line`. */
    int signature() {
        if (line.level >= Levels.ERRORS) return 0;
        Signer by = signers.isEmpty() ? signer : signerOfService();
        return counts.signatures.of(by.out, 0, by.sign(line.message, line.from, line.to));
    }

    private Judge judge() {
        if (judges.isEmpty()) return usual;
        while (judgeOf.size() <= service) judgeOf.add(judges.getOrDefault(name(judgeOf.size()), usual));
        return judgeOf.get(service);
    }

    private Signer signerOfService() {
        while (signerOf.size() <= service) signerOf.add(signers.getOrDefault(name(signerOf.size()), signer));
        return signerOf.get(service);
    }

    /** Services are compared by bytes, not by decoded text: ISO 8859-1 keeps all bytes apart. */
    private String name(int service) {
        return new String(counts.services.at[service], StandardCharsets.ISO_8859_1);
    }
}
