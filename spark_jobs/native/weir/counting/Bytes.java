package weir.counting;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** What several scanners over UTF-8 bytes need. Ranges are from a place up to, and without, another. */
final class Bytes {
    static final VarHandle LONG = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final long HIGH = 0x8080808080808080L, EACH = 0x0101010101010101L;

    private Bytes() {}

    static boolean ascii(byte[] a, int from, int to) {
        int i = from;
        long all = 0;
        for (; i + 8 <= to; i += 8) all |= (long) LONG.get(a, i);
        int rest = 0;
        for (; i < to; i++) rest |= a[i];
        return (all & HIGH) == 0 && rest >= 0;
    }

    /** Where an ASCII character is first; `to` if it is not there. */
    static int find(byte[] a, int from, int to, byte what) {
        int i = from;
        for (; i + 8 <= to; i += 8) {
            long x = (long) LONG.get(a, i) ^ what * EACH, found = x - EACH & ~x & HIGH;
            if (found != 0) return i + (Long.numberOfTrailingZeros(found) >>> 3);
        }
        while (i < to && a[i] != what) i++;
        return i;
    }

    /** Where the first `most` characters end. */
    static int cut(byte[] a, int from, int to, int most) {
        if (to - from <= most) return to;
        int chars = 0, i = from;
        for (; i < to; i++) if ((a[i] & 0xC0) != 0x80 && chars++ == most) break;
        return i;
    }

    /** Two decimal digits as a number; -1 if they are not digits. */
    static int two(byte[] a, int at) {
        int tens = a[at] - '0', ones = a[at + 1] - '0';
        return tens < 0 || tens > 9 || ones < 0 || ones > 9 ? -1 : 10 * tens + ones;
    }

    static boolean starts(byte[] a, int from, int to, byte[] what) {
        if (to - from < what.length) return false;
        for (int i = 0; i < what.length; i++) if (a[from + i] != what[i]) return false;
        return true;
    }
}
