package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Signs messages: masks what varies in them. Runs the rules of spark_jobs/counts/signature_rules.py, which come as data, as
 * plugins/weir/counts/signing.py does.
 */
final class Signer {
    private static final byte MASK = '*';
    private final int longestMessage, longest;
    private final boolean[] token;
    private final Masks rules;
    private final Shape row; // masks in a row, which are masked once
    private final Words words;
    private byte[] text = new byte[4096], once = new byte[4096];
    byte[] out = new byte[4096]; // the signature, from 0 on

    Signer(JsonNode node) {
        longestMessage = node.get("longest_message").asInt();
        longest = node.get("longest").asInt();
        token = Shape.chars(node.get("token"));
        rules = Masks.of(node.get("rules"));
        row = Shape.of(node.get("row"));
        words = new Words(token, word -> rules.found(word, 1, Integer.MAX_VALUE) == Masks.NONE);
    }

    /** Signs a message into `out`, and returns its length. */
    int sign(byte[] a, int from, int to) {
        int size = Bytes.cut(a, from, to, longestMessage) - from + 1;
        if (text.length < size + Words.LONGEST) {
            int room = 2 * size + Words.LONGEST; // words are compared by reading so far, even at the end of a message
            text = new byte[room];
            once = new byte[room];
            out = new byte[room];
        }
        text[0] = ' '; // gives the first token a delimiter, with which every match begins
        System.arraycopy(a, from, text, 1, size - 1);
        int masked = scan(size), n = joined(masked);
        return Bytes.cut(out, 0, n, longest);
    }

    /** From `text` into `once`. */
    private int scan(int end) {
        final byte[] a = text, o = once;
        final boolean[] token = this.token, opens = rules.opens;
        int at = 0, copied = 0, n = 0;
        while (at < end) {
            if (token[a[at++] & 255] || !opens[Shape.first(a, at, end)]) continue;
            int word = words.behind(a, at, end);
            if (word > at) {
                at = word;
                continue;
            }
            long place = rules.found(a, at, end);
            if (place == Masks.NONE) continue;
            int start = (int) (place >>> 32);
            System.arraycopy(a, copied, o, n, start - copied);
            n += start - copied;
            o[n++] = MASK;
            copied = at = (int) place;
        }
        System.arraycopy(a, copied, o, n, end - copied);
        return n + end - copied;
    }

    /** From `once`, without its first byte, into `out`. */
    private int joined(int end) {
        final byte[] a = once, o = out;
        int n = 0;
        for (int at = 1; at < end; ) {
            int mask = Bytes.find(a, at, end, MASK);
            System.arraycopy(a, at, o, n, mask - at);
            n += mask - at;
            if (mask == end) break;
            o[n++] = MASK;
            int to = row.ends(a, mask, end);
            at = to == Shape.NO ? mask + 1 : to;
        }
        return n;
    }

    /** A rule, or rules that fit only where their lead does. */
    private abstract static class Masks {
        static final long NONE = -1;

        /** By the first byte, or END, whether it may fit. */
        final boolean[] opens = new boolean[Shape.END + 1];

        /** From where (the upper half) to where (the lower half) the first rule that fits masks. */
        abstract long found(byte[] a, int at, int end);

        static Masks of(JsonNode node) {
            return node.has("lead") ? new Gate(node) : new Rule(node);
        }
    }

    private static final class Rule extends Masks {
        private final Shape before, masked;

        Rule(JsonNode node) {
            before = Shape.of(node.get("before"));
            masked = Shape.of(node.get("masked"));
            Shape both = Shape.inTurn(before, masked);
            for (int first = 0; first < opens.length; first++) opens[first] = both.byFirst[first] != Shape.FAILS;
        }

        @Override
        long found(byte[] a, int at, int end) {
            int start = before.ends(a, at, end);
            if (start == Shape.NO) return NONE;
            int to = masked.ends(a, start, end);
            return to == Shape.NO ? NONE : (long) start << 32 | to;
        }
    }

    private static final class Gate extends Masks {
        private final Shape lead;
        private final Masks[][] rules = new Masks[opens.length][]; // those that may fit, by the first byte

        Gate(JsonNode node) {
            lead = Shape.of(node.get("lead"));
            List<Masks> all = new ArrayList<>();
            for (JsonNode rule : node.get("rules")) all.add(Masks.of(rule));
            for (int i = 0; i < opens.length; i++) {
                int first = i;
                rules[i] = all.stream().filter(rule -> rule.opens[first]).toArray(Masks[]::new);
                opens[i] = lead.byFirst[i] != Shape.FAILS && rules[i].length > 0;
            }
        }

        @Override
        long found(byte[] a, int at, int end) {
            if (lead.ends(a, at, end) == Shape.NO) return NONE;
            for (Masks rule : rules[Shape.first(a, at, end)]) {
                long place = rule.found(a, at, end);
                if (place != NONE) return place;
            }
            return NONE;
        }
    }
}
