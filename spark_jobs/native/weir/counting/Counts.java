package weir.counting;

import java.util.Arrays;
import java.util.TreeMap;

/**
 * Counts of lines: by pane, service, level and signature; rejected ones by partition, block of offsets, service and reason. Also the
 * largest times of each partition. Hash tables without objects for their entries.
 */
final class Counts {
    static final int BLOCK = 62; // offsets whose rejected lines one long can name, as in spark_jobs/counts/transform.py
    static final long NEVER = Long.MIN_VALUE;

    final Names services = new Names(), signatures = new Names();
    final TreeMap<Integer, Extent> extents = new TreeMap<>(); // by the number of a range in its batch
    long[] places = new long[1 << 10], keys = new long[1 << 10], numbers = new long[1 << 10]; // a key: signature, service, level
    int size;
    private int lastRange = -1; // lines in a row are often of the same range
    private Extent lastExtent;

    /** The largest times of a partition (ms), and its rejected lines. */
    static final class Extent {
        long event = NEVER, append = NEVER;
        long[] blocks = new long[4], keys = new long[4], numbers = new long[4], offsets = new long[4]; // a key: service, reason
        int size, last;

        private int[] continuations = new int[0]; // by service: row of its continuations + 1; 0 if none

        /** Continuations have no samples, so all of a service's share one row. */
        void reject(long offset, int service, int reason, boolean sampled) {
            long key = (long) service << 8 | reason;
            if (!sampled) {
                if (service >= continuations.length) continuations = Arrays.copyOf(continuations, 2 * service + 1);
                if (continuations[service] == 0) continuations[service] = added(0, key) + 1;
                numbers[continuations[service] - 1]++;
                return;
            }
            int row = row(Math.floorDiv(offset, BLOCK), key);
            numbers[row]++;
            offsets[row] |= 1L << (int) (offset % BLOCK);
        }

        /** A partition is read in order, so the row of a block is the last one, or among the last. */
        private int row(long block, long key) {
            if (last < size && blocks[last] == block && keys[last] == key) return last;
            for (int i = size - 1; i >= 0 && (blocks[i] == block || offsets[i] == 0); i--)
                if (blocks[i] == block && keys[i] == key) return last = i;
            return last = added(block, key);
        }

        private int added(long block, long key) {
            if (size == keys.length) {
                blocks = Arrays.copyOf(blocks, 2 * size);
                keys = Arrays.copyOf(keys, 2 * size);
                numbers = Arrays.copyOf(numbers, 2 * size);
                offsets = Arrays.copyOf(offsets, 2 * size);
            }
            blocks[size] = block;
            keys[size] = key;
            return size++;
        }
    }

    Counts() {
        signatures.of(new byte[0], 0, 0); // number 0: no signature
    }

    Extent extent(int range) {
        if (range != lastRange) {
            lastExtent = extents.computeIfAbsent(range, any -> new Extent());
            lastRange = range;
        }
        return lastExtent;
    }

    static long key(int signature, int service, int level) {
        return (long) signature << 32 | (long) service << 8 | level;
    }

    static int signature(long key) {
        return (int) (key >>> 32);
    }

    static int service(long key) {
        return (int) (key >>> 8 & 0xFFFFFF);
    }

    static int level(long key) {
        return (int) (key & 255);
    }

    void add(long place, long key, long n) {
        int mask = keys.length - 1, i = slot(place, key) & mask;
        for (; numbers[i] != 0; i = i + 1 & mask)
            if (places[i] == place && keys[i] == key) {
                numbers[i] += n;
                return;
            }
        places[i] = place;
        keys[i] = key;
        numbers[i] = n;
        if (++size * 2 > keys.length) grow();
    }

    private static int slot(long place, long key) {
        return (int) ((place * 0x9E3779B97F4A7C15L ^ key) * 0xC2B2AE3D27D4EB4FL >>> 40);
    }

    private void grow() {
        long[] oldPlaces = places, oldKeys = keys, oldNumbers = numbers;
        int mask = 2 * oldKeys.length - 1;
        places = new long[mask + 1];
        keys = new long[mask + 1];
        numbers = new long[mask + 1];
        for (int old = 0; old < oldKeys.length; old++)
            if (oldNumbers[old] != 0) {
                int i = slot(oldPlaces[old], oldKeys[old]) & mask;
                while (numbers[i] != 0) i = i + 1 & mask;
                places[i] = oldPlaces[old];
                keys[i] = oldKeys[old];
                numbers[i] = oldNumbers[old];
            }
    }
}
