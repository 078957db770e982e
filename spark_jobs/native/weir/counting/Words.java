package weir.counting;

import java.util.Arrays;
import java.util.function.Predicate;

/**
 * Words that no rule masks, whatever follows the next byte or two. Most of a message is such words, and the rules take several calls to leave
 * one alone. What is known of a word the rules themselves have said.
 */
final class Words {
    static final int LONGEST = 16; // bytes of a word with the one before it, and with the one behind it; with two, if that is no blank
    private static final int SLOTS = 1024;
    private static final int ONE_OF = 64; // of unknown words is learned after the first SLOTS: learning costs more than it saves if all words are random
    private static final byte STAYS = 1, DEPENDS = 2;
    private final boolean[] letter = new boolean[256];
    private final Predicate<byte[]> stays;
    private final long[] low = new long[SLOTS], high = new long[SLOTS];
    private final byte[] known = new byte[SLOTS];
    private long unknown; // words so far

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
        int behind = to < end && a[to] != ' ' ? to + 2 : to + 1, bytes = behind - at + 1;
        if (to == at || behind > end || bytes > LONGEST) return at;
        long first = (long) Bytes.LONG.get(a, at - 1), rest = 0;
        if (bytes <= 8) first &= -1L >>> 64 - 8 * bytes;
        else rest = (long) Bytes.LONG.get(a, at + 7) & -1L >>> 128 - 8 * bytes;
        int slot = (int) ((first * 0x9E3779B97F4A7C15L ^ rest * 0xC2B2AE3D27D4EB4FL) >>> 54);
        byte found = low[slot] == first && high[slot] == rest ? known[slot] : learned(slot, first, rest, a, at, behind);
        return found == STAYS ? to : at;
    }

    private byte learned(int slot, long first, long rest, byte[] a, int at, int behind) {
        if (unknown++ >= SLOTS && unknown % ONE_OF != 0) return DEPENDS;
        byte found = judged(Arrays.copyOfRange(a, at - 1, behind));
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
