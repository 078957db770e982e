package weir.counting;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;

/**
 * Counts as bytes, little endian: the numbers of services, signatures, cells and ranges (int each); the lengths of the names (int), and the
 * names; the columns place, key and n of the cells (long); for each range its number, the largest event and append time, the number of its
 * rejected rows, and their columns block, key, n and offsets (long). A key is signature &lt;&lt; 32 | service &lt;&lt; 8 | level or reason.
 */
final class Packed {
    private Packed() {}

    static byte[] of(Counts counts) {
        ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(size(counts))).order(ByteOrder.LITTLE_ENDIAN);
        out.putInt(counts.services.size).putInt(counts.signatures.size).putInt(counts.size).putInt(counts.extents.size());
        for (Names names : new Names[] {counts.services, counts.signatures}) {
            for (int i = 0; i < names.size; i++) out.putInt(names.at[i].length);
            for (int i = 0; i < names.size; i++) out.put(names.at[i]);
        }
        for (long[] column : new long[][] {counts.places, counts.keys, counts.numbers})
            for (int i = 0; i < column.length; i++) if (counts.numbers[i] != 0) out.putLong(column[i]);
        for (Map.Entry<Integer, Counts.Extent> each : counts.extents.entrySet()) {
            Counts.Extent extent = each.getValue();
            out.putLong(each.getKey()).putLong(extent.event).putLong(extent.append).putLong(extent.size);
            for (long[] column : new long[][] {extent.blocks, extent.keys, extent.numbers, extent.offsets})
                for (int i = 0; i < extent.size; i++) out.putLong(column[i]);
        }
        return out.array();
    }

    private static long size(Counts counts) {
        long size = 16 + 4L * (counts.services.size + counts.signatures.size) + counts.services.bytes + counts.signatures.bytes + 24L * counts.size;
        for (Counts.Extent each : counts.extents.values()) size += 32 + 32L * each.size;
        return size;
    }

    /** Adds packed counts of other ranges to `all`. */
    static void add(byte[] packed, Counts all) {
        ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.LITTLE_ENDIAN);
        int services = in.getInt(), signatures = in.getInt(), cells = in.getInt(), ranges = in.getInt();
        int[] service = names(in, services, all.services), signature = names(in, signatures, all.signatures);
        int at = in.position();
        for (int i = 0; i < cells; i++) {
            long key = in.getLong(at + 8 * (cells + i));
            long moved = Counts.key(signature[Counts.signature(key)], service[Counts.service(key)], Counts.level(key));
            all.add(in.getLong(at + 8 * i), moved, in.getLong(at + 8 * (2 * cells + i)));
        }
        in.position(at + 24 * cells);
        for (int i = 0; i < ranges; i++) extent(in, service, all.extent((int) in.getLong()));
    }

    private static int[] names(ByteBuffer in, int size, Names into) {
        int[] numbers = new int[size];
        for (int i = 0; i < size; i++) numbers[i] = in.getInt();
        for (int i = 0, at = in.position(); i < size; i++) {
            int to = at + numbers[i];
            numbers[i] = into.of(in.array(), at, to);
            at = to;
            in.position(at);
        }
        return numbers;
    }

    private static void extent(ByteBuffer in, int[] service, Counts.Extent into) {
        into.event = in.getLong();
        into.append = in.getLong();
        int size = (int) in.getLong();
        long[][] columns = new long[4][size];
        for (long[] column : columns) for (int i = 0; i < size; i++) column[i] = in.getLong();
        for (int i = 0; i < size; i++) columns[1][i] = (long) service[(int) (columns[1][i] >>> 8)] << 8 | columns[1][i] & 255;
        into.blocks = columns[0];
        into.keys = columns[1];
        into.numbers = columns[2];
        into.offsets = columns[3];
        into.size = size;
    }
}
