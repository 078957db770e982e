package weir.counting;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Comparator;

/** A shape of spark_jobs/counts/shapes.py, as a scanner over UTF-8 bytes. It takes text from one place on, always the same, or does not fit. */
abstract class Shape {
    static final int NO = -1;
    static final int END = 256; // stands for the first byte at the end of the text
    private static final int OTHERS = 128; // stands for every character beyond ASCII
    private static final int ENDLESS = Integer.MAX_VALUE;

    /** By the first byte, or END, whether it may fit. True does not mean that it fits. */
    final boolean[] opens = new boolean[END + 1];
    boolean mayBeEmpty;
    boolean firstDecides; // it fits wherever its first byte fits

    /** Where what it takes ends; NO if it does not fit here. `a[0]` up to `a[end]` is the whole text. */
    abstract int fits(byte[] a, int at, int end);

    /** Quick check of the first byte, or END: false if the shape cannot fit. */
    final boolean mayFit(int first) {
        return mayBeEmpty || opens[first];
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

    private static void join(boolean[] into, boolean[] more) {
        for (int i = 0; i < 256; i++) into[i] |= more[i];
    }

    private static final class Run extends Shape {
        private final boolean[] table;
        private final int least, most;

        Run(boolean[] table, int least, int most) {
            this.table = table;
            this.least = least;
            this.most = most;
            mayBeEmpty = least == 0;
            firstDecides = least == 1;
            join(opens, table);
        }

        @Override
        int fits(byte[] a, int at, int end) {
            if (most != ENDLESS) return bounded(a, at, end);
            int i = at;
            while (i < end && table[a[i] & 255]) i++;
            return i - at >= least ? i : NO; // an endless one needs one character at most, however many bytes that has
        }

        private int bounded(byte[] a, int at, int end) {
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
        private final byte[][] literals; // the longest first
        private final boolean anyCase;

        Text(JsonNode given, boolean anyCase) {
            this.anyCase = anyCase;
            literals = new byte[given.size()][];
            for (int i = 0; i < literals.length; i++) literals[i] = given.get(i).asText().getBytes(StandardCharsets.UTF_8);
            Arrays.sort(literals, Comparator.comparingInt(one -> -one.length));
            for (byte[] one : literals) {
                mayBeEmpty |= one.length == 0;
                if (one.length > 0) {
                    opens[lower(one[0])] = opens[one[0] & 255] = true;
                    if (anyCase) opens[Character.toUpperCase(one[0] & 255) & 255] = true;
                }
            }
        }

        @Override
        int fits(byte[] a, int at, int end) {
            for (byte[] one : literals) if (is(one, a, at, end)) return at + one.length;
            return NO;
        }

        private boolean is(byte[] one, byte[] a, int at, int end) {
            if (end - at < one.length) return false;
            for (int i = 0; i < one.length; i++)
                if (a[at + i] != one[i] && !(anyCase && lower(a[at + i]) == lower(one[i]))) return false;
            return true;
        }

        private static int lower(byte c) {
            return c >= 'A' && c <= 'Z' ? c + 32 : c & 255;
        }
    }

    private static final class Seq extends Shape {
        private final Shape[] parts;

        Seq(Shape[] parts) {
            this.parts = parts;
            mayBeEmpty = true;
            for (Shape part : parts) {
                if (part instanceof Ahead || part instanceof After) continue; // they take nothing
                join(opens, part.opens);
                if (!part.mayBeEmpty) {
                    mayBeEmpty = false;
                    break;
                }
            }
            if (parts.length > 0 && parts[0] instanceof Ahead ahead && !ahead.mayBeEmpty) {
                for (int i = 0; i < 256; i++) opens[i] = ahead.opens[i] && (opens[i] || mayBeEmpty);
                mayBeEmpty = false;
            }
        }

        @Override
        int fits(byte[] a, int at, int end) {
            for (Shape part : parts) if ((at = part.fits(a, at, end)) == NO) return NO;
            return at;
        }
    }

    private static final class First extends Shape {
        private final Shape[][] shapes = new Shape[END + 1][]; // those that may fit, by the first byte

        First(Shape[] all) {
            for (Shape one : all) {
                join(opens, one.opens);
                mayBeEmpty |= one.mayBeEmpty;
            }
            for (int i = 0; i <= END; i++) {
                int first = i;
                shapes[i] = Arrays.stream(all).filter(one -> one.mayFit(first)).toArray(Shape[]::new);
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
            mayBeEmpty = least == 0 || inner.mayBeEmpty;
            join(opens, inner.opens);
        }

        @Override
        int fits(byte[] a, int at, int end) {
            int found = 0;
            while (found < most && inner.mayFit(first(a, at, end))) {
                int next = inner.fits(a, at, end);
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
            mayBeEmpty = !there || inner.mayBeEmpty; // it takes nothing, but may need a certain byte
            if (!mayBeEmpty) join(opens, inner.opens);
            firstDecides = there && inner.firstDecides;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            return (inner.mayFit(first(a, at, end)) && inner.fits(a, at, end) != NO) == there ? at : NO;
        }
    }

    private static final class After extends Shape {
        private final boolean[] table;
        private final boolean there;

        After(boolean[] table, boolean there) {
            this.table = table;
            this.there = there;
            mayBeEmpty = true;
        }

        @Override
        int fits(byte[] a, int at, int end) {
            return (at > 0 && table[a[at - 1] & 255]) == there ? at : NO;
        }
    }
}
