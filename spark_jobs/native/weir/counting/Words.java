package weir.counting;

import java.util.Arrays;
import java.util.function.Predicate;

/**
 * Words that no rule masks, whatever follows the next byte or two. Most of a message is such words, and the rules take several calls for
 * each. What is known of a word was found by the rules themselves.
 */
final class Words {
    static final int LONGEST = 16; // bytes of a key: the byte before a word, the word, and the next byte; if that is no blank, another one
    private static final int SLOTS = 1024, SHIFT = Long.numberOfLeadingZeros(SLOTS) + 1; // from a hash to a slot
    private static final int ONE_OF = 64; // unknown words is learned after the first SLOTS: of random words none comes again
    private static final byte STAYS = 1, DEPENDS = 2;
    private final boolean[] letter = new boolean[256];
    private final Predicate<byte[]> stays;
    private final long[] low = new long[SLOTS], high = new long[SLOTS]; // the two halves of a key
    private final byte[] known = new byte[SLOTS];
    private long unknown; // how often a word was not known

    /**
     * @param token by byte, whether it is part of a token: rules are tried where one begins
     * @param stays whether no rule fits at the second byte of these. Throws ArrayIndexOutOfBoundsException if that depends on what follows
     */
    Words(boolean[] token, Predicate<byte[]> stays) {
        for (int c = 'A'; c <= 'z'; c++) letter[c] = token[c] && (Character.isLetter(c) || c == '_');
        this.stays = stays;
    }

    /** Where the word that begins at a place ends, if it stays; the place itself if there is none, or if the rules must say. */
    int behind(byte[] a, int at, int end) {
        final boolean[] letter = this.letter;
        int to = at;
        while (to < end && letter[a[to] & 255]) to++;
        int stop = to < end && a[to] != ' ' ? to + 2 : to + 1, bytes = stop - at + 1;
        if (to == at || stop > end || bytes > LONGEST) return at;
        long first = (long) Bytes.LONG.get(a, at - 1), rest = 0;
        if (bytes <= 8) first &= -1L >>> 64 - 8 * bytes;
        else rest = (long) Bytes.LONG.get(a, at + 7) & -1L >>> 128 - 8 * bytes;
        int slot = (int) ((first * 0x9E3779B97F4A7C15L ^ rest * 0xC2B2AE3D27D4EB4FL) >>> SHIFT);
        byte found = low[slot] == first && high[slot] == rest ? known[slot] : learned(slot, first, rest, a, at, stop);
        return found == STAYS ? to : at;
    }

    private byte learned(int slot, long first, long rest, byte[] a, int at, int stop) {
        if (unknown++ >= SLOTS && unknown % ONE_OF != 0) return DEPENDS;
        byte found = judged(Arrays.copyOfRange(a, at - 1, stop));
        low[slot] = first;
        high[slot] = rest;
        return known[slot] = found;
    }

    private byte judged(byte[] word) {
        try {
            return stays.test(word) ? STAYS : DEPENDS;
        } catch (ArrayIndexOutOfBoundsException more) {
            return DEPENDS;
        }
    }
}
