package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** A shape of spark_jobs/counts/shapes.py, as a scanner over UTF-8 bytes. It takes text from one place on, always the same, or does not fit. */
abstract class Shape {
    static final int NO = -1;
    static final int END = 256; // stands for the first byte at the end of the text
    static final byte UNCLEAR = 0, FAILS = 1, EMPTY = 2, TAKES = 3;
    private static final int OTHERS = 128; // stands for every character beyond ASCII
    private static final int ENDLESS = Integer.MAX_VALUE;

    /**
     * By the first byte, or END: FAILS, it does not fit; EMPTY, it fits and takes nothing; TAKES, it fits and takes text; UNCLEAR, that depends
     * on more. FAILS and EMPTY save a call of `fits`.
     */
    final byte[] byFirst = new byte[END + 1];

    /** Where what it takes ends; NO if it does not fit here. `a[0]` up to `a[end]` is the whole text. */
    abstract int fits(byte[] a, int at, int end);

    /** The same as `fits`, without calling it if the first byte decides. */
    final int ends(byte[] a, int at, int end) {
        byte known = byFirst[first(a, at, end)];
        return known == FAILS ? NO : known == EMPTY ? at : fits(a, at, end);
    }

    static int first(byte[] a, int at, int end) {
        return at < end ? a[at] & 255 : END;
    }

    static Shape of(JsonNode node) {
        String kind = node.fieldNames().next();
        JsonNode value = node.get(kind);
        return switch (kind) {
            case "run" -> new Run(chars(value.get(0)), value.get(1).asInt(), value.get(2).isNull() ? ENDLESS : value.get(2).asInt());
            case "text" -> new Text(value.get(0), value.get(1).asBoolean());
            case "seq" -> value.size() == 1 ? of(value.get(0)) : new Seq(all(value));
            case "first" -> new First(all(value));
            case "many" -> new Many(of(value.get(0)), value.get(1).asInt(), value.get(2).isNull() ? ENDLESS : value.get(2).asInt());
            case "ahead" -> new Ahead(of(value.get(0)), value.get(1).asBoolean());
            case "after" -> new After(chars(value.get(0)), value.get(1).asBoolean());
            default -> throw new IllegalArgumentException("unknown shape: " + kind);
        };
    }

    static Shape inTurn(Shape... parts) {
        return new Seq(parts);
    }

    /** Characters as a table of bytes: code points below 128, and OTHERS. */
    static boolean[] chars(JsonNode codes) {
        boolean[] table = new boolean[256];
        for (JsonNode code : codes)
            if (code.asInt() < OTHERS) table[code.asInt()] = true;
            else Arrays.fill(table, OTHERS, 256, true);
        return table;
    }

    private static Shape[] all(JsonNode nodes) {
        Shape[] found = new Shape[nodes.size()];
        for (int i = 0; i < found.length; i++) found[i] = of(nodes.get(i));
        return found;
    }

    private static final class Run extends Shape {
        private final boolean[] table;
        private final int least, most;

        Run(boolean[] table, int least, int most) {
            this.table = table;
            this.least = least;
            this.most = most;
            for (int i = 0; i <= END; i++)
                if (i < END && table[i]) byFirst[i] = least > 1 ? UNCLEAR : TAKES;
                else byFirst[i] = least == 0 ? EMPTY : FAILS;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            if (most != ENDLESS) return bounded(a, at, end);
            final boolean[] table = this.table;
            int i = at;
            while (i < end && table[a[i] & 255]) i++;
            return i - at >= least ? i : NO; // an endless one needs one character at most, however many bytes that has
        }

        private int bounded(byte[] a, int at, int end) {
            final boolean[] table = this.table;
            int found = 0;
            while (at < end && found < most && table[a[at] & 255]) {
                at++;
                while (at < end && (a[at] & 0xC0) == 0x80) at++;
                found++;
            }
            return found >= least ? at : NO;
        }
    }

    private static final class Text extends Shape {
        private final byte[][][] literals = new byte[256][][]; // by the first byte, the longest first
        private final boolean anyCase, mayBeEmpty;

        Text(JsonNode given, boolean anyCase) {
            this.anyCase = anyCase;
            List<byte[]> all = new ArrayList<>();
            for (JsonNode each : given) all.add(each.asText().getBytes(StandardCharsets.UTF_8));
            mayBeEmpty = all.removeIf(one -> one.length == 0);
            all.sort(Comparator.comparingInt(one -> -one.length));
            Arrays.fill(byFirst, mayBeEmpty ? EMPTY : FAILS);
            for (int i = 0; i < END; i++) {
                byte first = (byte) i;
                literals[i] = all.stream().filter(one -> same(one[0], first)).toArray(byte[][]::new);
                if (literals[i].length > 0) byFirst[i] = Arrays.stream(literals[i]).anyMatch(one -> one.length == 1) ? TAKES : UNCLEAR;
            }
        }

        @Override
        int fits(byte[] a, int at, int end) {
            if (at < end) for (byte[] one : literals[a[at] & 255]) if (is(one, a, at, end)) return at + one.length;
            return mayBeEmpty ? at : NO;
        }

        private boolean is(byte[] one, byte[] a, int at, int end) {
            if (end - at < one.length) return false;
            for (int i = 1; i < one.length; i++) if (!same(one[i], a[at + i])) return false;
            return true;
        }

        private boolean same(byte one, byte other) {
            return one == other || anyCase && lower(one) == lower(other);
        }

        private static int lower(byte c) {
            return c >= 'A' && c <= 'Z' ? c + 32 : c & 255;
        }
    }

    private static final class Seq extends Shape {
        private final Shape[] parts;

        Seq(Shape[] parts) {
            this.parts = parts;
            for (int i = 0; i <= END; i++) byFirst[i] = decided(i);
        }

        private byte decided(int first) {
            boolean unclear = false;
            for (int i = 0; i < parts.length; i++) {
                byte known = parts[i].byFirst[first];
                boolean takes = known == TAKES || known == UNCLEAR && !(parts[i] instanceof Ahead || parts[i] instanceof After);
                if (known == FAILS) return FAILS;
                if (takes) return unclear || i < parts.length - 1 ? UNCLEAR : known; // the next part begins with another byte
                unclear |= known == UNCLEAR;
            }
            return unclear ? UNCLEAR : EMPTY;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            for (Shape part : parts) {
                byte known = part.byFirst[first(a, at, end)];
                if (known == FAILS) return NO;
                if (known != EMPTY && (at = part.fits(a, at, end)) == NO) return NO;
            }
            return at;
        }
    }

    private static final class First extends Shape {
        private final Shape[][] shapes = new Shape[END + 1][]; // those that may fit, by the first byte

        First(Shape[] all) {
            for (int i = 0; i <= END; i++) {
                int first = i;
                shapes[i] = Arrays.stream(all).filter(one -> one.byFirst[first] != FAILS).toArray(Shape[]::new);
                byFirst[i] = shapes[i].length == 0 ? FAILS : shapes[i][0].byFirst[i];
            }
        }

        @Override
        int fits(byte[] a, int at, int end) {
            for (Shape one : shapes[first(a, at, end)]) {
                int found = one.fits(a, at, end);
                if (found != NO) return found;
            }
            return NO;
        }
    }

    private static final class Many extends Shape {
        private final Shape inner;
        private final int least, most;

        Many(Shape inner, int least, int most) {
            this.inner = inner;
            this.least = least;
            this.most = most;
            for (int i = 0; i <= END; i++)
                if (inner.byFirst[i] == FAILS) byFirst[i] = least == 0 ? EMPTY : FAILS;
                else byFirst[i] = inner.byFirst[i] == TAKES && least > 1 ? UNCLEAR : inner.byFirst[i];
        }

        @Override
        int fits(byte[] a, int at, int end) {
            int found = 0;
            while (found < most) {
                int next = inner.ends(a, at, end);
                if (next == NO) break;
                found++;
                if (next == at) return at; // it would take nothing for ever
                at = next;
            }
            return found >= least ? at : NO;
        }
    }

    private static final class Ahead extends Shape {
        private final Shape inner;
        private final boolean there;

        Ahead(Shape inner, boolean there) {
            this.inner = inner;
            this.there = there;
            for (int i = 0; i <= END; i++) byFirst[i] = inner.byFirst[i] == UNCLEAR ? UNCLEAR : (inner.byFirst[i] != FAILS) == there ? EMPTY : FAILS;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            return (inner.ends(a, at, end) != NO) == there ? at : NO;
        }
    }

    private static final class After extends Shape {
        private final boolean[] table;
        private final boolean there;

        After(boolean[] table, boolean there) {
            this.table = table;
            this.there = there;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            return (at > 0 && table[a[at - 1] & 255]) == there ? at : NO;
        }
    }
}
