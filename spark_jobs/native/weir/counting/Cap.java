package weir.counting;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which signatures of a service are kept of a batch. The rule is that of spark_jobs/counts/cap.py, which says why: half of the room is for
 * the most frequent, the rest is shared by the shapes of the others. What is not kept is counted under one signature.
 */
final class Cap {
    private final Counts counts, totals = new Counts(); // totals: lines by signature and service, all in one place
    private final Set<Long> kept = new HashSet<>(); // keys of totals, of services that have too many
    private final Map<String, Integer> groups = new HashMap<>(); // services by name
    private final int[] group; // by the number of a service
    private final int most;
    private final String unknown;

    private Cap(Counts counts, int most, String unknown) {
        this.counts = counts;
        this.most = most;
        this.unknown = unknown;
        group = new int[counts.services.size];
    }

    /** Returns the counts with at most `most` signatures of each service, and `other`. `unknown` is the name of a service without one. */
    static Counts applied(Counts counts, int most, byte[] other, String unknown) {
        return counts.signatures.size <= most ? counts : new Cap(counts, most, unknown).applied(other);
    }

    private Counts applied(byte[] other) {
        for (int i = 0; i < counts.services.size; i++) {
            String name = new String(counts.services.at[i], StandardCharsets.UTF_8);
            group[i] = groups.computeIfAbsent(name.isEmpty() ? unknown : name, any -> groups.size());
        }
        for (int i = 0; i < counts.keys.length; i++)
            if (counts.numbers[i] != 0 && Counts.signature(counts.keys[i]) != 0) totals.add(0, of(counts.keys[i]), counts.numbers[i]);
        boolean[] full = full();
        if (kept.isEmpty()) return counts; // no single service has too many
        Counts capped = new Counts();
        for (int i = 0; i < counts.services.size; i++) capped.services.of(counts.services.at[i], 0, counts.services.at[i].length);
        capped.extents.putAll(counts.extents);
        for (int i = 0; i < counts.keys.length; i++) {
            if (counts.numbers[i] == 0) continue;
            long key = counts.keys[i];
            byte[] text = counts.signatures.at[Counts.signature(key)];
            if (text.length > 0 && full[group[Counts.service(key)]] && !kept.contains(of(key))) text = other;
            int signature = capped.signatures.of(text, 0, text.length);
            capped.add(counts.places[i], Counts.key(signature, Counts.service(key), Counts.level(key)), counts.numbers[i]);
        }
        return capped;
    }

    /** The key of a total. Services whose bytes differ may have one name: that of a key that is no text, or is missing. */
    private long of(long key) {
        return Counts.key(Counts.signature(key), group[Counts.service(key)], 0);
    }

    /** By name, whether a service has too many signatures; fills `kept` for those. */
    private boolean[] full() {
        List<List<Integer>> slots = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) slots.add(new ArrayList<>());
        for (int i = 0; i < totals.keys.length; i++) if (totals.numbers[i] != 0) slots.get(Counts.service(totals.keys[i])).add(i);
        boolean[] full = new boolean[slots.size()];
        for (int i = 0; i < full.length; i++)
            if (full[i] = slots.get(i).size() > most) keep(slots.get(i));
        return full;
    }

    private void keep(List<Integer> ranked) {
        ranked.sort(Comparator.comparingLong((Integer slot) -> -totals.numbers[slot]).thenComparing(this::text, Arrays::compareUnsigned));
        int half = most / 2;
        for (int slot : ranked.subList(0, half)) kept.add(totals.keys[slot]);
        Shapes shapes = new Shapes(ranked);
        List<Integer> rest = ranked.subList(half, ranked.size()), beyond = new ArrayList<>();
        int share = share(shapes.sizes(half), most - half), left = most - half;
        int[] taken = new int[shapes.ends.size];
        for (int i = 0; i < rest.size() && left > 0; i++)
            if (++taken[shapes.of[half + i]] > share) beyond.add(rest.get(i));
            else left -= kept.add(totals.keys[rest.get(i)]) ? 1 : 0;
        for (int i = 0; i < beyond.size() && left > 0; i++, left--) kept.add(totals.keys[beyond.get(i)]);
    }

    private byte[] text(int slot) {
        return counts.signatures.at[Counts.signature(totals.keys[slot])];
    }

    /** How many of each shape there is room for, at least one. */
    private static int share(int[] sizes, int room) {
        Arrays.sort(sizes);
        int i = 0;
        while (i < sizes.length && (long) sizes[i] * (sizes.length - i) <= room) room -= sizes[i++];
        return i < sizes.length ? Math.max(1, room / (sizes.length - i)) : room;
    }

    /** The shape of each text: its first or its last word without a mask, whichever more of the texts have. */
    private final class Shapes {
        final Names ends = new Names(); // words, each with a byte in front that says which end
        final int[] of;

        Shapes(List<Integer> slots) {
            int[] first = new int[slots.size()], last = new int[slots.size()];
            for (int i = 0; i < first.length; i++) {
                byte[] text = text(slots.get(i));
                first[i] = end('f', text, true);
                last[i] = end('l', text, false);
            }
            int[] common = new int[ends.size];
            for (int i = 0; i < first.length; i++) {
                common[first[i]]++;
                common[last[i]]++;
            }
            of = first;
            for (int i = 0; i < of.length; i++) if (common[last[i]] >= common[first[i]]) of[i] = last[i];
        }

        private int end(char which, byte[] text, boolean fromFront) {
            int from = 0, to = 0, found = -1;
            byte[] word = {};
            for (int at = 0; at <= text.length && !(fromFront && found >= 0); at = to + 1) {
                for (from = at, to = at; to < text.length && text[to] != ' '; to++) {}
                if (to > from && !masked(text, from, to)) {
                    word = Arrays.copyOfRange(text, from, to);
                    found = from;
                }
            }
            byte[] marked = new byte[word.length + 1];
            marked[0] = (byte) which;
            System.arraycopy(word, 0, marked, 1, word.length);
            return ends.of(marked, 0, marked.length);
        }

        private boolean masked(byte[] text, int from, int to) {
            for (int i = from; i < to; i++) if (text[i] == '*') return true;
            return false;
        }

        /** How many of the texts from a place on have each shape that any of them has. */
        int[] sizes(int from) {
            int[] all = new int[ends.size];
            for (int i = from; i < of.length; i++) all[of[i]]++;
            return Arrays.stream(all).filter(n -> n > 0).toArray();
        }
    }
}
