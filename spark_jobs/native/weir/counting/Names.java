package weir.counting;

import java.util.Arrays;

/** Byte strings by number, each kept once: a hash table without objects for its entries. */
final class Names {
    private static final int NONE = -1;
    byte[][] at = new byte[64][];
    int size;
    long bytes; // of all of them together
    private int[] hashes = new int[64], table = new int[256];
    private int last = NONE; // lines in a row often have the same service

    Names() {
        Arrays.fill(table, NONE);
    }

    int of(byte[] a, int from, int to) {
        if (last != NONE && Arrays.equals(at[last], 0, at[last].length, a, from, to)) return last;
        int hash = hash(a, from, to), mask = table.length - 1;
        for (int place = hash & mask; ; place = place + 1 & mask) {
            int found = table[place];
            if (found == NONE) {
                table[place] = last = added(a, from, to, hash);
                if (size * 2 > table.length) grow();
                return last;
            }
            if (hashes[found] == hash && Arrays.equals(at[found], 0, at[found].length, a, from, to)) return last = found;
        }
    }

    private int added(byte[] a, int from, int to, int hash) {
        if (size == at.length) {
            at = Arrays.copyOf(at, 2 * size);
            hashes = Arrays.copyOf(hashes, 2 * size);
        }
        at[size] = Arrays.copyOfRange(a, from, to);
        hashes[size] = hash;
        bytes += to - from;
        return size++;
    }

    private static int hash(byte[] a, int from, int to) {
        int hash = 1, i = from;
        for (; i + 8 <= to; i += 8) {
            long x = (long) Bytes.LONG.get(a, i) * 0x9E3779B97F4A7C15L;
            hash = hash * 31 + (int) (x ^ x >>> 32);
        }
        for (; i < to; i++) hash = hash * 31 + a[i];
        hash ^= hash >>> 15;
        hash *= 0x85EBCA6B;
        return hash ^ hash >>> 13;
    }

    private void grow() {
        table = new int[table.length * 2];
        Arrays.fill(table, NONE);
        int mask = table.length - 1;
        for (int i = 0; i < size; i++) {
            int place = hashes[i] & mask;
            while (table[place] != NONE) place = place + 1 & mask;
            table[place] = i;
        }
    }
}
